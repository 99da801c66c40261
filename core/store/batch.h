/* batch.h - points, progress and events on their way to the database. */
#ifndef KP_STORE_BATCH_H
#define KP_STORE_BATCH_H

#include "store/database.h"
#include "store/process.h"
#include "store/store.h"

/* Not for several threads at once. Made with room for thousands of points, so that adding one
 * allocates nothing in the usual case. */
struct kp_batch;

struct kp_batch *kp_batch_create(void); /* NULL: out of memory */
void kp_batch_destroy(struct kp_batch *b);
void kp_batch_clear(struct kp_batch *b); /* keeps the memory */

bool kp_batch_empty(const struct kp_batch *b);
int64_t kp_batch_entries(const struct kp_batch *b); /* points and events */

/* Each copies its arguments; false if out of memory. Progress keeps the latest of each run, and
 * without memory the earlier one. */
bool kp_batch_point(struct kp_batch *b, const char *uid, int64_t key, const struct kp_point *p,
                    double time);
bool kp_batch_event(struct kp_batch *b, const char *uid, const char *kind, const char *text,
                    double time);
void kp_batch_progress(struct kp_batch *b, const char *uid, int64_t step, int64_t steps,
                       int64_t samples, double time);

/* Within a transaction: all of it. Entries of runs that are not there, and progress of runs that
 * `self` does not hold, are passed over. */
KP_NODISCARD enum kp_status kp_batch_write(const struct kp_batch *b, struct kp_database *d,
                                           const struct kp_process *self, struct kp_error *e);

#endif
