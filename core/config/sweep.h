/* sweep.h - [sweep]: axes, their cells, and which of them are dropped. */
#ifndef KP_CONFIG_SWEEP_H
#define KP_CONFIG_SWEEP_H

#include "config/problem.h"
#include "config/schema.h"
#include "config/source.h"

#define KP_SWEEP_CELLS_MAX 10000000 /* before skip; what is sensible is for others to say */

enum { KP_SWEEP_AXES_MAX = 64 };

/* One key and its values. Axes of one group go in step (zip). */
struct kp_axis {
    const char *key;
    struct kp_known known;
    const char **values;    /* as written */
    const char **canonical; /* where a value is not valid: as written */
    int64_t count;
    struct kp_place place;
    int group;
};

/* `key` has the value `text`. */
struct kp_condition {
    const char *key;
    const char *text; /* canonical */
    struct kp_known known;
    const char *constant; /* canonical value of a key that has no axis; NULL: none */
};

/* Drops the cells where all conditions hold. */
struct kp_skip {
    struct kp_condition *v;
    int64_t count;
};

/* Zero-initialise it: one cell, no axes. */
struct kp_sweep {
    struct kp_arena memory;
    struct kp_axis axes[KP_SWEEP_AXES_MAX];
    int axis_count, group_count;
    struct kp_skip *skips;
    int64_t skip_count;
    const char *base_plugin[7]; /* by enum kp_owner: the choice where no axis makes it; or NULL */
    int32_t *index;             /* [cells][group_count] */
    int64_t cells;
};

struct kp_values;

/* Read the [sweep] entries and count the cells. */
void kp_sweep_build(struct kp_sweep *w, const struct kp_source *s, const struct kp_values *values,
                    const struct kp_registry *r, struct kp_problems *p);
void kp_sweep_finish(struct kp_sweep *w);

/* The axis of a key, or NULL. */
const struct kp_axis *kp_sweep_axis(const struct kp_sweep *w, const char *key);

/* The value of an axis in a cell, as written. */
const char *kp_sweep_value(const struct kp_sweep *w, int64_t cell, const struct kp_axis *axis);

/* Parts of kp_sweep_build(). */
void kp_sweep_read_skips(struct kp_sweep *w, const struct kp_source *s,
                         const struct kp_values *values, const struct kp_registry *r,
                         struct kp_problems *p);
void kp_sweep_enumerate(struct kp_sweep *w, struct kp_place place, struct kp_problems *p);

/* Canonical text in the sweep's memory; the text itself where it is not valid. NULL if out of
 * memory. */
const char *kp_sweep_canonical(struct kp_sweep *w, const struct kp_option *o, const char *text);

/* The next part of a list, without blanks around it, in `memory`; *at moves behind the separator,
 * to NULL behind the last part. NULL if out of memory. */
const char *kp_sweep_part(const char **at, char separator, struct kp_arena *memory);

/* Is the axis or condition about a plugin that group values `index` do not choose? */
bool kp_sweep_inactive(const struct kp_sweep *w, const struct kp_known *known,
                       const int32_t *index);

#endif
