/* store.h - the run database: one SQLite file, written by one thread. */
#ifndef KP_STORE_STORE_H
#define KP_STORE_STORE_H

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

struct kp_store;

#define KP_UID_SIZE 27 /* 26 characters, sortable by time */

enum kp_run_status {
    KP_RUN_PENDING = 0,
    KP_RUN_RUNNING = 1,
    KP_RUN_DONE = 2,
    KP_RUN_FAILED = 3,
    KP_RUN_INTERRUPTED = 4, /* stopped by request; continues from its checkpoint */
    KP_RUN_LOST = 5,        /* its process is gone */
};

/* Open `path`, created with its folder `path`.d/ for artifacts if absent. Refuses, each with its
 * own message: a file that is no kappa database, one of a newer schema, a folder that cannot be
 * written. Migrates an older schema after a backup. Runs that claim to be running but whose process
 * is gone become `lost`. */
KP_NODISCARD enum kp_status kp_store_open(const char *path, struct kp_store **out,
                                          struct kp_error *e);
/* Open an existing database of the current schema for the calls that find (kp_store_find_...) and
 * for nothing else. Writes nothing, so that a folder without write permission will do; a run whose
 * process is gone is found `lost` all the same. */
KP_NODISCARD enum kp_status kp_store_open_read(const char *path, struct kp_store **out,
                                               struct kp_error *e);
/* Writes what is queued; frees the store even if that fails, and then says so. NULL is fine. */
enum kp_status kp_store_close(struct kp_store *s, struct kp_error *e);
const char *kp_store_path(const struct kp_store *s);
/* What a user should know about this database (it lies on a network file system, its files are
 * elsewhere), or NULL. */
const char *kp_store_warning(const struct kp_store *s);

/* Folder of a run's artifacts, made on demand: "<db>.d/<uid>". free() it. */
char *kp_store_run_folder(struct kp_store *s, const char *uid, struct kp_error *e);

/* What is known of a run before its first step. */
struct kp_run_row {
    const char *kind; /* "train" */
    const char *name; /* or NULL */
    const char *config_hash, *pair_hash, *group_hash;
    const char *teacher_uid; /* or NULL */
    const char *dataset, *model, *objective;
    const char *teacher; /* what people call it: the teacher run's model; or NULL */
    double kappa;
    int64_t m, n;
    double tau; /* NaN: none */
    int64_t seed;
    const char *ini; /* resolved */
};

struct kp_param_row {
    const char *key, *text, *origin;
    double number; /* NaN: none */
};

struct kp_plugin_row {
    const char *kind, *name, *version, *path, *sha256;
    int abi_major, abi_minor;
};

struct kp_subset_row {
    const char *role; /* "train", "dev", "teacher_pool" */
    const char *algorithm;
    int64_t seed, count, overlap;
    const char *sha256;
};

/* What this process is, for table attempt. */
struct kp_attempt_row {
    const char *device;       /* kp_device_ops.describe */
    const char *versions;     /* of kappa, compiler, libraries */
    const char *git_revision; /* or NULL */
    int64_t threads;
    int previous; /* the run's last attempt as its checkpoint was looked up; 0: there was no row */
    bool git_dirty;
    const char *build; /* sha256 of the program's file, or NULL */
    const char *level; /* kp_device_ops.level, or NULL */
};

#define KP_RUN_NAME_SIZE 64

struct kp_run_info {
    char uid[KP_UID_SIZE];
    char name[KP_RUN_NAME_SIZE]; /* its beginning; "" if it has none */
    enum kp_run_status status;
    char config_hash[KP_HASH_SIZE];
    int attempt;
    int64_t epoch, step;           /* of its last checkpoint */
    char checkpoint[KP_HASH_SIZE]; /* sha256 of it, "" if none */
    char error[512];
};

/* The run of a configuration. *found = false if there is none. */
KP_NODISCARD enum kp_status kp_store_find_run(struct kp_store *s, const char *config_hash,
                                              struct kp_run_info *out, bool *found,
                                              struct kp_error *e);
/* By uid or unique prefix. */
KP_NODISCARD enum kp_status kp_store_find_uid(struct kp_store *s, const char *uid,
                                              struct kp_run_info *out, bool *found,
                                              struct kp_error *e);

/* Claim a run and begin it, in one transaction that is committed before it returns: a new row
 * (status running, attempt 1), or attempt + 1 of the row with this configuration hash, whose points
 * and checkpoints after `resume_step` (-1: all) are deleted. *taken = false, and nothing changes,
 * if the run is not to be had: done, held by a live process, or no longer as the caller saw it
 * (attempt->previous); kp_store_find_run() tells which. KP_E_STORE if the teacher's run is not
 * there. */
KP_NODISCARD enum kp_status kp_store_begin_run(
    struct kp_store *s, const struct kp_run_row *row, const struct kp_param_row *params,
    int64_t param_count, const struct kp_plugin_row *plugins, int64_t plugin_count,
    const struct kp_subset_row *subsets, int64_t subset_count, const struct kp_attempt_row *attempt,
    int64_t resume_step, char uid[KP_UID_SIZE], bool *taken, struct kp_error *e);

/* More plugins of a run that this process holds. */
KP_NODISCARD enum kp_status kp_store_add_plugins(struct kp_store *s, const char *uid,
                                                 const struct kp_plugin_row *plugins, int64_t count,
                                                 struct kp_error *e);

/* A metric's entry in metric_key, made if absent; refused if it is there with another unit or
 * direction, because values under one name must be comparable. */
struct kp_metric_key {
    const char *name; /* "test/accuracy" */
    const char *unit;
    bool higher_is_better;
};

/* One point of a curve; queued, written by the writer thread within about a second. Waits for the
 * disk only if 65 536 are queued; errors surface at the next flush. */
struct kp_point {
    const char *key; /* a name given to kp_store_metric before */
    int64_t step;
    double value;    /* NaN and inf are stored as flags */
    int64_t samples; /* examples seen in training so far */
    double flops;    /* student and teacher, training so far */
};

KP_NODISCARD enum kp_status kp_store_metric(struct kp_store *s, const struct kp_metric_key *key,
                                            struct kp_error *e);
void kp_store_point(struct kp_store *s, const char *uid, const struct kp_point *p);

/* Progress of a run: also the heartbeat. Queued as points are. */
void kp_store_progress(struct kp_store *s, const char *uid, int64_t step, int64_t steps,
                       int64_t samples);

/* Wait until everything queued is on disk, or an attempt to write it has failed: then why. What was
 * queued stays queued, and is tried again each second. Once something found no room and was lost,
 * this and all that flushes fail for good: another process continues the runs from their last
 * checkpoints. */
KP_NODISCARD enum kp_status kp_store_flush(struct kp_store *s, struct kp_error *e);

#define KP_MODEL_AT "model@%g" /* role of the weights at this kappa of a run's curve */

struct kp_artifact_row {
    const char *role; /* "model", "model@<kappa>", "checkpoint", "teacher_table.<digits>" */
    const char *path; /* relative to <db>.d */
    const char *sha256;
    int64_t bytes;
};

/* Record an artifact (replacing the one of the same run and role) with the epochs and steps done
 * when it was written. Flushes first. KP_E_STORE if this process does not hold the run. */
KP_NODISCARD enum kp_status kp_store_artifact(struct kp_store *s, const char *uid,
                                              const struct kp_artifact_row *a, int64_t epoch,
                                              int64_t step, struct kp_error *e);
/* Record an artifact that was made of a finished run by whoever needed it (replacing the one of the
 * same run and role). KP_E_STORE if the run is not done. */
KP_NODISCARD enum kp_status kp_store_add_artifact(struct kp_store *s, const char *uid,
                                                  const struct kp_artifact_row *a,
                                                  struct kp_error *e);
/* Of a run, or with uid NULL of any: the newest run that has one; *found = false if none of this
 * role is there. path is absolute or relative to the working directory; free() it. */
KP_NODISCARD enum kp_status kp_store_find_artifact(struct kp_store *s, const char *uid,
                                                   const char *role, char **path,
                                                   char sha256[KP_HASH_SIZE], bool *found,
                                                   struct kp_error *e);

struct kp_result_row {
    const char *split; /* "test", "train", "dev" */
    const char *key;   /* "test/accuracy" */
    double kappa;
    int64_t samples, step;
    double value;
};

/* A value that compares the run with another, such as its teacher. */
struct kp_pairwise_row {
    const char *other_uid;
    const char *key, *split;
    const char *estimator; /* or NULL */
    int64_t n;
    double kappa; /* as in its results */
    double value;
};

/* Results, and values that compare, of a kappa that a run has passed while it goes on. Flushes
 * first. Forgotten if it is continued from an earlier step. KP_E_STORE if this process does not
 * hold the run. */
KP_NODISCARD enum kp_status kp_store_results(struct kp_store *s, const char *uid,
                                             const struct kp_result_row *results,
                                             int64_t result_count,
                                             const struct kp_pairwise_row *pairs,
                                             int64_t pair_count, struct kp_error *e);

/* End a run in one transaction: results, pairwise values, status (done, failed or interrupted),
 * error text or NULL. Flushes first. KP_E_STORE if this process does not hold the run. */
KP_NODISCARD enum kp_status
kp_store_end_run(struct kp_store *s, const char *uid, enum kp_run_status status, const char *error,
                 const struct kp_result_row *results, int64_t result_count,
                 const struct kp_pairwise_row *pairs, int64_t pair_count, struct kp_error *e);

/* For a process that has begun its program anew because a plugin crashed: the runs that it holds
 * have failed, for this reason, if they use the plugin `plugin` of this kind, and of an objective
 * the one called `name`. The others are lost. *any: it holds some. */
KP_NODISCARD enum kp_status kp_store_fail_held(struct kp_store *s, const char *kind,
                                               const char *plugin, const char *name,
                                               const char *error, bool *any, struct kp_error *e);

/* A run that is lost has failed, for this reason: the next one to look does not continue it as it
 * would an interrupted one. Nothing happens if a process holds it again. */
KP_NODISCARD enum kp_status kp_store_give_up(struct kp_store *s, const char *uid, const char *error,
                                             struct kp_error *e);

/* A note that people may want to see later: "teacher.mode auto took table". */
void kp_store_event(struct kp_store *s, const char *uid, const char *kind, const char *text);

/* The sweep that runs belong to: the experiment's path, its text (read here, at most 1 MiB), and
 * membership. Runs are added to the ones known before; uids that are not there are passed over. */
KP_NODISCARD enum kp_status kp_store_sweep(struct kp_store *s, const char *experiment,
                                           const char *const *uids, int64_t count,
                                           struct kp_error *e);

#endif
