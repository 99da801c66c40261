/* config.h - a run's resolved configuration: every setting checked, with its origin, and the
 * hashes. */
#ifndef KP_CONFIG_CONFIG_H
#define KP_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/hash.h"
#include "config/analysis.h"
#include "config/settings.h"
#include "host/registry.h"

/* One setting, "data.kappa", "objective.kd.tau". */
struct kp_setting {
    const char *key;
    const char *text; /* canonical, see kp_option_check() */
    double number;    /* NaN if it is none */
    const char
        *origin; /* "path/file.ini:12", "default", "--set", "--sweep", "path/file.ini:30 [sweep]" */
    bool hashed; /* can change the weights */
};

/* What refers to trained weights: the sections [teacher], whose weights are asked for logits, and
 * [init], with whose weights the training begins. */
enum kp_reference {
    KP_REFERENCE_TEACHER = 0,
    KP_REFERENCE_INIT = 1,
    KP_REFERENCES = 2,
};
extern const char *const kp_reference_names[KP_REFERENCES]; /* of the sections */

/* Where trained weights come from. At most one of the three; all NULL: nowhere. */
struct kp_weights_ref {
    const char
        *experiment;  /* path of an INI, relative ones already seen from the file that named it */
    const char *run;  /* uid or a unique prefix of it */
    const char *file; /* weights (safetensors) */
    const char *origin;
};

static inline bool kp_weights_ref_given(const struct kp_weights_ref *r)
{
    return r->experiment || r->run || r->file;
}

struct kp_config {
    struct kp_arena memory;
    const struct kp_registry *registry; /* whose plugins it names */
    struct kp_setting *settings;        /* sorted by key */
    int64_t count;

    struct kp_settings core; /* the core's own sections, filled */
    struct kp_weights_ref reference[KP_REFERENCES];
    const struct kp_model_def *model;
    const struct kp_objective_def *objective;
    const struct kp_dataset_def *dataset; /* NULL: the files of data.format */
    const struct kp_loaded *model_from, *objective_from, *dataset_from;
    struct kp_analysis_config *analyses; /* [analysis_count] in order of their sections */
    int64_t analysis_count;
    bool needs_teacher; /* the objective declares it, or seed.init = teacher */
    double kappa;       /* data.kappa; 1 for a teacher */
    double tau;         /* temperature of the objective; NaN: none */
    int64_t m;          /* training examples: llround(kappa n_teacher); n_teacher for a teacher */
};

/* The state structs of plugins, zeroed and filled from the configuration; in c->memory. NULL if out
 * of memory. */
void *kp_config_model_self(struct kp_config *c);
void *kp_config_objective_self(struct kp_config *c);
void *kp_config_dataset_self(struct kp_config *c); /* only where there is a dataset plugin */
void *kp_config_metric_self(struct kp_config *c,
                            const struct kp_metric_def *m); /* one of metrics.plugins */

void *kp_config_analysis_self(struct kp_config *c, const struct kp_analysis_config *a);

/* "key=text\n" of the settings of an analysis, its plugin and its label: what its hash is over,
 * besides the runs that it looks at. Not `at`, which says at which points of these. */
void kp_config_analysis_text(const struct kp_config *c, const struct kp_analysis_config *a,
                             struct kp_text *out);

/* The same of the dataset plugin. */
void kp_config_dataset_text(const struct kp_config *c, struct kp_text *out);

const struct kp_setting *kp_config_find(const struct kp_config *c, const char *key);

/* May what the settings name on this machine be opened? KP_E_CONFIG where one still holds the name
 * of an environment variable that was not set (see kp_setting_is_place()). */
KP_NODISCARD enum kp_status kp_config_check_places(const struct kp_config *c, struct kp_error *e);

struct kp_hashes {
    char config[KP_HASH_SIZE];
    char pair[KP_HASH_SIZE];
    char group[KP_HASH_SIZE];
};

/* SHA-256 over "key=text\n" of the hashed settings, sorted, plus data.m, plus "data.version=" of a
 * dataset plugin, plus "teacher=<hash>"
 * where the objective needs a teacher, plus "init=<hash>" where [init] names weights. identity: for
 * each reference its run's configuration hash, or the sha256 of its file; NULL where there is none.
 * pair: without objective* and teacher*. group: without seed.master. A teacher's own hash leaves
 * out what cannot change it: data.kappa, data.student_pool, data.nested, seed.subset. */
void kp_config_hash(const struct kp_config *c, const char *const identity[KP_REFERENCES],
                    struct kp_hashes *out);

/* Add the configuration as an INI file that gives the same settings and hashes, with the origin of
 * each value as a comment if `origins`. */
void kp_config_print(const struct kp_config *c, bool origins, struct kp_text *out);

void kp_config_destroy(struct kp_config *c);

#endif
