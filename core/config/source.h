/* source.h - everything that was written about an experiment, in order: files, includes, command
 * line. */
#ifndef KP_CONFIG_SOURCE_H
#define KP_CONFIG_SOURCE_H

#include "config/experiment.h"
#include "config/problem.h"

struct kp_entry {
    const char *key; /* "data.kappa", "sweep.data.kappa", "sweep.zip" */
    const char *value;
    struct kp_place place;
    int64_t number; /* in the order of writing */
};

/* Zero-initialise it. Texts live in `memory`. */
struct kp_source {
    struct kp_arena memory;
    struct kp_entry *v;
    int64_t count, room;
    int files; /* read so far */
};

/* Add the entries of a file and of those it includes. */
void kp_source_read(struct kp_source *s, const char *path, struct kp_problems *problems);

/* Add what the command line says, but not what it says to the experiments of [teacher] and [init].
 * --sweep key=... becomes the entry "sweep.key". */
void kp_source_override(struct kp_source *s, const struct kp_override *overrides, int64_t count,
                        struct kp_problems *problems);

void kp_source_finish(struct kp_source *s);

/* The text of an override behind "teacher:" or "init:", and which of them it was; NULL if it is for
 * the experiment itself. */
const char *kp_override_passed_on(const struct kp_override *o, enum kp_reference *to);

#endif
