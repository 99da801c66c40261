/* options.h - option tables at work: parse text, canonical text, fill a struct. */
#ifndef KP_HOST_OPTIONS_H
#define KP_HOST_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"
#include "kappa/option.h"

/* Option number i of a table whose element size may differ from ours. */
const struct kp_option *kp_option_at(const struct kp_option_table *t, uint32_t i);
const struct kp_option *kp_option_find(const struct kp_option_table *t, const char *name);

/* The known name nearest to `name` if it is near enough to be meant, else NULL. */
const char *kp_option_nearest(const struct kp_option_table *t, const char *name);

/* Check `text` against the option; on success *canonical (from the arena) is the one text for the
 * value: integers in decimal, reals as kp_real_text(), booleans true|false, lists with single
 * spaces. `why` of a failure says what is wrong and what would be right: "'x' is no number; a
 * number from 0 to 1". */
KP_NODISCARD enum kp_status kp_option_check(const struct kp_option *o, const char *text,
                                            struct kp_arena *a, const char **canonical,
                                            struct kp_error *why);

/* Store a canonical text at the option's offset of `self`; lists and strings live in the arena.
 * False if out of memory. */
bool kp_option_store(const struct kp_option *o, const char *canonical, struct kp_arena *a,
                     void *self);

/* Numeric value of a canonical text for the database: int, real, bool (0, 1); else NaN. */
double kp_option_number(const struct kp_option *o, const char *canonical);

/* "integer, 1 to 4096", "real, 0 to 1", "one of none tau tau2": for people. */
void kp_option_describe(const struct kp_option *o, char *out, size_t size);

#endif
