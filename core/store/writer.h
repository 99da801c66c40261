/* writer.h - the thread that writes what training threads queue: points, progress, events. */
#ifndef KP_STORE_WRITER_H
#define KP_STORE_WRITER_H

#include "store/database.h"
#include "store/process.h"
#include "store/store.h"

#include <pthread.h>

struct kp_writer;

/* The writer uses *d only while it holds *lock, which the caller also takes to use *d. Both must
 * outlive the writer. */
KP_NODISCARD enum kp_status kp_writer_create(struct kp_database *d, pthread_mutex_t *lock,
                                             const struct kp_process *self, struct kp_writer **out,
                                             struct kp_error *e);

/* Stops the thread after a last attempt to write what is queued; its error, if that failed. */
enum kp_status kp_writer_destroy(struct kp_writer *w, struct kp_error *e);

/* Each copies its arguments and returns at once, unless KP_WRITER_LIMIT entries wait: then it waits
 * for the writer. What does not fit while the disk refuses is dropped, and the next flush says so.
 */
void kp_writer_point(struct kp_writer *w, const char *uid, int64_t key, const struct kp_point *p);
void kp_writer_progress(struct kp_writer *w, const char *uid, int64_t step, int64_t steps,
                        int64_t samples);
void kp_writer_event(struct kp_writer *w, const char *uid, const char *kind, const char *text);

#define KP_WRITER_LIMIT 65536

/* Wait until what is queued now is written, or an attempt has failed: then why. It stays queued. */
KP_NODISCARD enum kp_status kp_writer_flush(struct kp_writer *w, struct kp_error *e);

/* How many runs this process holds changes by n; while there are any, the writer gives their
 * heartbeat. */
void kp_writer_hold(struct kp_writer *w, int n);

#endif
