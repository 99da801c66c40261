/* cell.h - what is written for each key in one cell of the sweep, before it is checked. */
#ifndef KP_CONFIG_CELL_H
#define KP_CONFIG_CELL_H

#include "config/schema.h"
#include "config/source.h"
#include "config/sweep.h"

/* The entry of each key that won. */
struct kp_values {
    struct kp_entry *v; /* sorted by key */
    int64_t count;
};

/* Pick the winners among the plain entries (not [sweep], not [include]). */
void kp_values_pick(struct kp_values *values, const struct kp_source *s, struct kp_problems *p);
const struct kp_entry *kp_values_find(const struct kp_values *values, const char *key);
void kp_values_finish(struct kp_values *values);

struct kp_cell {
    const char *path; /* the experiment's file: where a missing key is missed */
    const struct kp_registry *registry;
    const struct kp_values *values;
    const struct kp_sweep *sweep;
    int64_t number;
};

struct kp_raw {
    const char *text;
    struct kp_place place;
    bool swept, is_default;
};

/* What is written for a known key: an axis, an entry, or the default. False if it has none of them;
 * then place alone is set. */
bool kp_cell_raw(const struct kp_cell *c, const char *key, const struct kp_option *o,
                 struct kp_raw *out);

#endif
