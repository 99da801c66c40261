/* settings.h - the core's own sections: [run] [data] [train] [seed] [device] [teacher] [init]
 * [metrics] [plugins]. */
#ifndef KP_CONFIG_SETTINGS_H
#define KP_CONFIG_SETTINGS_H

#include "base/rng.h"
#include "kappa/option.h"

/* Words of the enum settings, in the order of their tables. */
enum {
    KP_SETTING_TEACHER_AUTO,
    KP_SETTING_TEACHER_TABLE,
    KP_SETTING_TEACHER_LIVE,
};

enum {
    KP_SETTING_COHORT_AUTO,
    KP_SETTING_COHORT_OFF,
};

enum {
    KP_SETTING_OPTIMIZER_SGD,
    KP_SETTING_OPTIMIZER_ADAM,
    KP_SETTING_OPTIMIZER_ADAMW,
};

enum {
    KP_SETTING_SCHEDULE_CONSTANT,
    KP_SETTING_SCHEDULE_COSINE_EPOCH,
    KP_SETTING_SCHEDULE_COSINE,
    KP_SETTING_SCHEDULE_MULTISTEP,
    KP_SETTING_SCHEDULE_LANGUINI,
};

enum {
    KP_SETTING_LABELS_FINE,
    KP_SETTING_LABELS_COARSE,
};

enum {
    KP_SETTING_DRAW_RANDOM,
    KP_SETTING_DRAW_FIRST,
};

enum {
    KP_SETTING_KEEP_END,
    KP_SETTING_KEEP_KAPPAS,
};

enum {
    KP_SETTING_DEVICE_AUTO,
    KP_SETTING_DEVICE_CPU,
    KP_SETTING_DEVICE_CUDA,
    KP_SETTING_DEVICE_REF,
};

enum {
    KP_SETTING_PRECISION_FP32,
    KP_SETTING_PRECISION_BF16,
};

struct kp_settings {
    struct {
        const char *name;
        int role;              /* enum kp_rng_role: teacher or student */
        int64_t threads;       /* 0: all cores */
        double checkpoint;     /* seconds between checkpoints */
        int cohort;            /* KP_SETTING_COHORT_... */
        int64_t cohort_memory; /* MiB; 0: half of the machine's */
        const char *imported;  /* sha256 of the weights file that it is; "": it is trained */
    } run;
    struct {
        const char *format; /* "": set is given */
        const char *set;    /* of a dataset plugin; "": format is given */
        const char *name;   /* of the dataset in the database; "" : the format's */
        const char *root;
        int labels;       /* KP_SETTING_LABELS_... */
        const char *list; /* of format list, as seen from root */
        int64_t pad_to, downsample;
        int64_t resize, crop; /* of image files */
        int decode;           /* enum kp_decode: auto, packed, live */
        const char *cache;    /* "": beside the data, or in the user's cache folder */
        int64_t decoders;     /* 0: all cores */
        bool skip_bad;
        int64_t test_limit; /* 0: all, or what the format has as its test set */
        struct kp_reals mean, sd;
        bool flip;
        int64_t crop_pad;
        double rotate; /* degrees */
        bool random_resized_crop;
        int64_t n_teacher;
        double kappa;
        int student_pool; /* enum kp_student_pool */
        int draw;         /* KP_SETTING_DRAW_... */
        int64_t student_offset;
        bool nested;
        double dev;
        int order; /* enum kp_order */
    } data;
    struct {
        int64_t epochs;
        int64_t batch;
        int64_t micro_batch; /* 0: the batch in one piece */
        int64_t eval_batch;
        int precision; /* KP_SETTING_PRECISION_... */
        int optimizer; /* KP_SETTING_OPTIMIZER_... */
        double lr;
        double momentum;
        bool nesterov;
        double beta1, beta2, eps;
        double weight_decay;
        double clip_norm;   /* 0: no clipping */
        const char *freeze; /* prefixes of parameter names, with spaces between */
        int schedule;       /* KP_SETTING_SCHEDULE_... */
        int64_t warmup_epochs;
        double warmup_factor; /* lr factor of epoch 0 */
        double lr_final;
        struct kp_ints milestones; /* epochs */
        double lr_factor;          /* of each milestone */
        int64_t warmup_steps, decay_steps;
        int64_t eval_every;          /* epochs; 0: only after the last */
        struct kp_reals eval_kappas; /* rising */
        int keep;                    /* KP_SETTING_KEEP_... */
        int64_t log_every;           /* steps; 0: each epoch */
    } train;
    struct {
        int64_t master;
        const char *init, *subset, *order, *augment; /* "master", an integer; init also "teacher" */
        int64_t teacher_pool;
    } seed;
    struct {
        int kind; /* KP_SETTING_DEVICE_... */
        int64_t slice;
        int64_t index; /* cuda: the GPU */
        bool tf32;
    } device;
    struct {
        int mode; /* KP_SETTING_TEACHER_... */
    } teacher;
    struct {
        const char *skip; /* prefixes of names, with spaces between */
    } init;
    struct {
        const char *plugins; /* names with spaces between */
    } metrics;
    struct {
        const char *path; /* folders with ':' between */
    } plugins;
};

/* An option that only some words of another one, the choice, make use of. With another word it is
 * no setting of the configuration, and to write it is an error. The choice stands before it in the
 * section's table. */
struct kp_option_use {
    const char *option, *choice;
    unsigned words; /* bit i: word i of the choice */
};

/* A section of the core: its name, its options (offsets into struct kp_settings), for each option
 * whether it can change the weights, and which options are not always used. */
struct kp_section {
    const char *name;
    struct kp_option_table options;
    const bool *hashed; /* [options.count] */
    const struct kp_option_use *uses;
    int use_count;
};

extern const struct kp_section kp_sections[];
extern const int kp_section_count;

/* The largest seed: integers up to here are exact in the database's numbers. */
#define KP_SEED_MAX INT64_C(9007199254740992)

/* Does the setting only say where data lie on this machine? An environment variable in it that is
 * not set concerns only who opens them, so that ${env:NAME} then stays in its text. */
bool kp_setting_is_place(const char *key);

/* What a stream's seed may be: "master", an integer from 0 to KP_SEED_MAX, and "teacher" if
 * allowed. */
bool kp_stream_seed_valid(const char *text, bool teacher_allowed);

/* The seed of a stream: the number given, or derived from the master seed (the same number for all
 * streams: the stream is part of the generator's key). *teacher tells that it is "teacher". */
uint64_t kp_stream_seed(const char *text, int64_t master, bool *teacher);

#endif
