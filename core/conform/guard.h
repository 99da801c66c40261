/* guard.h - memory that notices what is done to it: pages behind it that nobody may touch, a
 * pattern around it, and a seal that forbids writing. */
#ifndef KP_CONFORM_GUARD_H
#define KP_CONFORM_GUARD_H

#include "base/error.h"

struct kp_slate;
struct kp_guard;

/* The guards of one owner. Zero-initialise it. Not for several threads at once. */
struct kp_guards {
    struct kp_guard *last;
};

/* Memory that ends, up to the alignment of any type, where a page without access begins, and has
 * one before it too. Filled with `pattern`. `name` is what messages call it, a constant. NULL if
 * out of memory. */
void *kp_guard_alloc(struct kp_guards *owner, const char *name, size_t bytes, int pattern);

/* Forbid (or allow again) writing. */
void kp_guard_seal(struct kp_guards *owner, const void *memory, bool sealed);

/* KP_E_INVALID if something wrote between a memory and its pages. */
KP_NODISCARD enum kp_status kp_guards_check(const struct kp_guards *owner, struct kp_error *e);
void kp_guards_finish(struct kp_guards *owner);

/* From now on a forbidden access says on the slate where it went before the process dies of it. */
void kp_guard_watch(struct kp_slate *slate);

#endif
