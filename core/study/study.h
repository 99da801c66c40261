/* study.h - an experiment's runs: which there are, which are done, and doing what is missing. */
#ifndef KP_STUDY_STUDY_H
#define KP_STUDY_STUDY_H

#include "config/experiment.h"
#include "store/store.h"
#include "study/provenance.h"
#include "train/trainer.h"

enum kp_planned_state {
    KP_PLANNED_MISSING = 0, /* no such run */
    KP_PLANNED_STARTED = 1, /* stopped or lost; continues from its checkpoint */
    KP_PLANNED_RUNNING = 2, /* a live process works on it */
    KP_PLANNED_DONE = 3,
    KP_PLANNED_FAILED = 4, /* ended with an error; tried again */
};

struct kp_planned_analysis;

/* What a reference of a configuration ([teacher], [init]) stands for. */
struct kp_planned_weights {
    int64_t run;          /* in the plan, or -1 */
    const char *file;     /* of a weights file, or NULL */
    const char *identity; /* the run's configuration hash, or the file's sha256; NULL: no weights */
};

/* One run that the experiment needs: a training, or an analysis of others. */
struct kp_planned {
    struct kp_config *config; /* of an analysis: that of the first run it looks at, not its own */
    struct kp_planned_analysis *analysis; /* NULL: a training */
    struct kp_hashes hashes;
    struct kp_planned_weights teacher, init;
    char cohort[KP_HASH_SIZE]; /* trainings with the same one may go on in lockstep; "": alone */
    const char *import; /* weights file to record in place of a training; NULL: none is at hand */
    enum kp_planned_state state;
    bool left_out;                   /* nobody asked for it: it stays as it is */
    int attempt;                     /* the last one's number; 0 while there is no row */
    bool checkpoint;                 /* one is recorded */
    char uid[KP_UID_SIZE];           /* "" while there is no row */
    char known_as[KP_RUN_NAME_SIZE]; /* its name in the database, see kp_run_info */
    int64_t steps;                   /* of the whole training */
    double forward_flops;            /* of one example, by kp_plan_measure() */
    double flops;  /* of the whole training, teacher included; 0: the data are not there to tell */
    bool cell;     /* a cell of the experiment, not only a teacher of others */
    int64_t group; /* of those trained in lockstep, by kp_plan_group(); 0: none */
};

/* Teachers come before the runs that need them; cells of equal hash are one run. */
struct kp_plan {
    struct kp_planned *runs;
    int64_t count;
    int64_t cells;                      /* of the sweep, before equal ones were joined */
    int64_t sharers;                    /* processes that will do it together; 0, 1: one does */
    struct kp_experiment **experiments; /* own the text that configurations point into */
    int64_t experiment_count;
    char *path;
    struct kp_provenance made_by; /* of its runs; by kp_plan_execute() */
};

/* A sweep of more cells is more likely a mistake than meant. */
#define KP_PLAN_CELLS 100000

/* Resolve every cell and its teacher. `store` NULL: nothing is known to be done. A sweep of more
 * than `most_cells` is refused; 0: of any number. All errors in `report`. */
KP_NODISCARD enum kp_status kp_plan_make(const char *path, const struct kp_override *overrides,
                                         int64_t override_count, int64_t most_cells,
                                         struct kp_registry *registry, struct kp_store *store,
                                         struct kp_plan **out, struct kp_text *report);
void kp_plan_destroy(struct kp_plan *p);

/* What the database knows of every run now: state, attempt and uid. */
KP_NODISCARD enum kp_status kp_plan_refresh(struct kp_plan *p, struct kp_store *store,
                                            struct kp_error *e);

/* Leave out all runs but those whose configuration hash begins as one of `list`, separated by
 * commas, does. KP_E_CONFIG if one of these is nobody's. */
KP_NODISCARD enum kp_status kp_plan_only(struct kp_plan *p, const char *list, struct kp_error *e);

/* Fill in flops where the data can be opened. */
void kp_plan_measure(struct kp_plan *p);

/* Number the groups, from 1, in which kp_plan_execute() would begin what is missing now; their
 * number. Where the data cannot be opened the limit of memory is left out of account. */
int64_t kp_plan_group(struct kp_plan *p, const struct kp_registry *registry);

/* The name of a configuration's dataset, as the database has it. */
const char *kp_config_dataset(const struct kp_config *c);

/* 'train', 'import' or 'analysis', as the database has it. */
const char *kp_planned_kind(const struct kp_planned *r);

/* "student cifar10 cnn kd tau 20 kappa 0.1 seed 11": what people see of a run. */
void kp_planned_label(const struct kp_planned *r, char *out, size_t size);

/* Who watches the execution. Any but `arg` may be NULL. */
struct kp_study_watcher {
    void *arg;
    void (*begin)(void *arg, int64_t number, int64_t total, const struct kp_planned *r);
    void (*progress)(void *arg, const struct kp_progress *p);
    /* A run was tried; `text` says why it failed. Without begin() if it failed before. */
    void (*end)(void *arg, const struct kp_planned *r, enum kp_status st, const char *text);
    /* A run is not tried: "skipped: its teacher is not trained", "failed in another process". */
    void (*skip)(void *arg, const struct kp_planned *r, const char *why);
    void (*wait)(void *arg, int64_t runs); /* that other processes work on; called repeatedly */
    bool (*stop)(void *arg);
    void (*note)(void *arg, const char *text); /* which device was taken, and why */
};

struct kp_study_result {
    int64_t done;    /* by this process */
    int64_t found;   /* were done before, or by another process meanwhile */
    int64_t failed;  /* here, or in another process meanwhile */
    int64_t skipped; /* what they need failed */
    bool lost;       /* the device failed for good: runs are left for another process */
};

/* Do what is missing. A failed run is recorded and the others go on; KP_E_INTERRUPTED if stopped.
 * Other processes may work on the same database: each run is done by one of them. What others are
 * at is waited for, and taken over if they die. */
KP_NODISCARD enum kp_status kp_plan_execute(struct kp_plan *p, const struct kp_registry *registry,
                                            struct kp_store *store,
                                            const struct kp_study_watcher *watcher,
                                            struct kp_study_result *out, struct kp_error *e);

/* Record a weights file as run number `run` of the plan, whose configuration says run.imported. It
 * is checked against the model before anything is recorded (KP_E_FORMAT), then copied as F32 and
 * evaluated. Only that run is done; its teacher must be there. */
KP_NODISCARD enum kp_status kp_plan_import(struct kp_plan *p, int64_t run, const char *file,
                                           const struct kp_registry *registry,
                                           struct kp_store *store,
                                           const struct kp_study_watcher *watcher,
                                           struct kp_study_result *out, struct kp_error *e);

/* The file with the weights that a run wrote, the one whose hash is recorded; free() it. `what`
 * names the run in errors: "the teacher's run". */
KP_NODISCARD enum kp_status kp_run_weights(struct kp_store *store, const char *uid,
                                           const char *what, char **path, struct kp_error *e);

/* The same of those that it kept at a kappa of its curve (train.keep = kappas). */
KP_NODISCARD enum kp_status kp_run_weights_at(struct kp_store *store, const char *uid, double kappa,
                                              char **path, struct kp_error *e);

#endif
