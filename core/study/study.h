/* study.h - an experiment's runs: which there are, which are done, and doing what is missing. */
#ifndef KP_STUDY_STUDY_H
#define KP_STUDY_STUDY_H

#include "config/experiment.h"
#include "store/store.h"
#include "train/trainer.h"

enum kp_planned_state {
    KP_PLANNED_MISSING = 0, /* no such run, or one that failed */
    KP_PLANNED_STARTED = 1, /* stopped or lost; continues from its checkpoint */
    KP_PLANNED_RUNNING = 2, /* a live process works on it */
    KP_PLANNED_DONE = 3,
};

struct kp_planned_analysis;

/* One run that the experiment needs: a training, or an analysis of others. */
struct kp_planned {
    struct kp_config *config; /* of an analysis: that of the first run it looks at, not its own */
    struct kp_planned_analysis *analysis; /* NULL: a training */
    struct kp_hashes hashes;
    int64_t teacher;               /* index in the plan, or -1 */
    const char *teacher_hash;      /* its hash in this run's, or NULL */
    const char *weights;           /* of [teacher] file, or NULL */
    char teacher_uid[KP_UID_SIZE]; /* of [teacher] run; "" otherwise until it is trained */
    enum kp_planned_state state;
    char uid[KP_UID_SIZE]; /* "" while there is no row */
    int64_t steps;         /* of the whole training */
    double forward_flops;  /* of one example, by kp_plan_measure() */
    double flops; /* of the whole training, teacher included; 0: the data are not there to tell */
    bool cell;    /* a cell of the experiment, not only a teacher of others */
};

/* Teachers come before the runs that need them; cells of equal hash are one run. */
struct kp_plan {
    struct kp_planned *runs;
    int64_t count;
    int64_t cells;                      /* of the sweep, before equal ones were joined */
    struct kp_experiment **experiments; /* own the text that configurations point into */
    int64_t experiment_count;
    char *path;
};

/* Resolve every cell and its teacher. `store` NULL: nothing is known to be done. All errors in
 * `report`. */
KP_NODISCARD enum kp_status kp_plan_make(const char *path, const struct kp_override *overrides,
                                         int64_t override_count, const struct kp_registry *registry,
                                         struct kp_store *store, struct kp_plan **out,
                                         struct kp_text *report);
void kp_plan_destroy(struct kp_plan *p);

/* Fill in flops where the data can be opened. */
void kp_plan_measure(struct kp_plan *p);

/* Of the dataset and objective.tau of a configuration, as the database has them; NaN: no
 * temperature. */
const char *kp_config_dataset(const struct kp_config *c);
double kp_config_tau(const struct kp_config *c);

/* "student cifar10 cnn kd tau 20 kappa 0.1 seed 11": what people see of a run. */
void kp_planned_label(const struct kp_planned *r, char *out, size_t size);

/* Who watches the execution. */
struct kp_study_watcher {
    void *arg;
    void (*begin)(void *arg, int64_t number, int64_t total, const struct kp_planned *r);
    void (*progress)(void *arg, const struct kp_progress *p);
    void (*end)(void *arg, const struct kp_planned *r, enum kp_status st, const char *text);
    bool (*stop)(void *arg);
    void (*note)(void *arg, const char *text); /* which device was taken, and why */
};

struct kp_study_result {
    int64_t done, found, failed,
        skipped; /* found: were done before; skipped: their teacher failed */
};

/* Do what is missing. A failed run is recorded and the others go on; KP_E_INTERRUPTED if stopped.
 */
KP_NODISCARD enum kp_status kp_plan_execute(struct kp_plan *p, const struct kp_registry *registry,
                                            struct kp_store *store,
                                            const struct kp_study_watcher *watcher,
                                            struct kp_study_result *out, struct kp_error *e);

#endif
