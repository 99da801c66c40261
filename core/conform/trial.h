/* trial.h - one test at work, in a process of its own. */
#ifndef KP_CONFORM_TRIAL_H
#define KP_CONFORM_TRIAL_H

#include "conform/slate.h"
#include "host/registry.h"

struct kp_trial {
    struct kp_slate *slate;
    struct kp_registry registry;
    const struct kp_plugin *plugin;
    const void *def; /* of slate->kind; NULL for a test of the whole file */
};

/* A test. KP_E_UNSUPPORTED: it does not apply, the error says why; any other error: it failed. */
struct kp_test {
    const char *kind; /* of definitions; "" for the whole file */
    const char *name;
    enum kp_status (*run)(struct kp_trial *t, struct kp_error *e);
};

extern const struct kp_test kp_tests[];
extern const int kp_test_count;

/* Tests that the checker starts by name, in this order, before and after all others. */
#define KP_TEST_MANIFEST "manifest" /* and lists the definitions on the slate */
#define KP_TEST_SYMBOLS  "symbols"
/* For a tool that watches: */
#define KP_TEST_ONCE    "once"    /* uses every definition once */
#define KP_TEST_MEMORY  "memory"  /* and at its bounds, and where memory fails */
#define KP_TEST_THREADS "threads" /* uses every definition in two threads */

/* Do what the slate orders, leave the verdict on it. */
void kp_trial_run(struct kp_slate *slate);

/* Say on the slate what follows is about; it stands in the message if the process dies. */
void kp_trial_with(const struct kp_trial *t, const char *fmt, ...) KP_PRINTF(2, 3);

/* Definitions in the order of the plugin's lists; NULL behind the last. Of a metric each face is a
 * definition: one that observes, and an "analysis". */
extern const char *const kp_definition_kinds[]; /* ends with NULL */
const void *kp_definition_at(const struct kp_plugin *p, const char *kind, int64_t i,
                             const char **name);

#endif
