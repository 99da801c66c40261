/* tests.h - the tests that have a file of their own. All as struct kp_test.run. */
#ifndef KP_CONFORM_TESTS_H
#define KP_CONFORM_TESTS_H

#include "conform/use.h"

/* gradients.c: the gradient of the loss against central differences, in double. */
enum kp_status kp_check_gradients(struct kp_trial *t, struct kp_error *e);

/* devices.c: the fast device against the reference. */
enum kp_status kp_check_devices(struct kp_trial *t, struct kp_error *e);

/* examples.c: in evaluation an example's logits do not depend on the rest of its batch. */
enum kp_status kp_check_examples(struct kp_trial *t, struct kp_error *e);

/* mean.c: the loss is the weighted mean of its rows' losses, which do not depend on each other. */
enum kp_status kp_check_mean(struct kp_trial *t, struct kp_error *e);

/* chunks.c: a metric gives the same however the rows are cut, and writes all its values. */
enum kp_status kp_check_chunks(struct kp_trial *t, struct kp_error *e);

/* numbers.c: an example of a dataset depends on nothing but its number. */
enum kp_status kp_check_numbers(struct kp_trial *t, struct kp_error *e);

/* instances.c: two at once, in one thread and in two. */
enum kp_status kp_check_instances(struct kp_trial *t, struct kp_error *e);

/* watched.c: see KP_TEST_ONCE and what follows it. */
enum kp_status kp_check_watched_once(struct kp_trial *t, struct kp_error *e);
enum kp_status kp_check_watched_memory(struct kp_trial *t, struct kp_error *e);
enum kp_status kp_check_watched_threads(struct kp_trial *t, struct kp_error *e);

#endif
