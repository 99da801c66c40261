/* settings.c - the option tables of the core's own sections. */
#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#define S struct kp_settings

static const char *const role_words[] = {"teacher", "student", NULL};
static const char *const pool_words[] = {"fresh", "subset", "disjoint", NULL};
static const char *const order_words[] = {"epoch", "fixed", NULL};
static const char *const schedule_words[] = {"constant", "cosine_epoch", NULL};
static const char *const device_words[] = {"auto", "cpu", "ref", NULL};
static const char *const mode_words[] = {"auto", "table", "live", NULL};

static const struct kp_option run_options[] = {
    KP_STRING(S, run.name, "name", "", "what people call the run"),
    KP_ENUM(S, run.role, "role", "student", role_words,
            "teacher: trains on the teacher's pool, with random streams of its own"),
    KP_INT(S, run.threads, "threads", "0", 0, 1024, "threads of the run, 0: all cores"),
    KP_REAL(S, run.checkpoint, "checkpoint", "60", 0, 1e9, "seconds between checkpoints"),
};
static const bool run_hashed[] = {false, true, false, false};

static const struct kp_option data_options[] = {
    KP_STRING(S, data.format, "format", NULL, "format of the dataset's files: cifar10 or idx"),
    KP_STRING(S, data.name, "name", "", "name of the dataset in the database, empty: the format"),
    KP_STRING(S, data.root, "root", "${env:KAPPA_DATA}", "folder of the dataset"),
    KP_INT(S, data.pad_to, "pad_to", "0", 0, 4096,
           "height and width after padding with zeros, 0: as they are"),
    KP_REALS(S, data.mean, "mean", NULL, -1e6, 1e6, "mean of each channel, of pixels in 0 to 1"),
    KP_REALS(S, data.sd, "sd", NULL, 1e-6, 1e6,
             "standard deviation of each channel, of pixels in 0 to 1"),
    KP_BOOL(S, data.flip, "flip", "false", "mirror half of the examples"),
    KP_INT(S, data.crop_pad, "crop_pad", "0", 0, 127,
           "largest random shift of the image, in pixels"),
    KP_INT(S, data.n_teacher, "n_teacher", NULL, 1, 1e9, "N: examples in the teacher's pool"),
    KP_REAL(S, data.kappa, "kappa", "1", 1e-9, 1000,
            "M / N: the student's examples over the teacher's"),
    KP_ENUM(S, data.student_pool, "student_pool", "fresh", pool_words,
            "students draw from all examples, the teacher's pool, or all but the pool"),
    KP_BOOL(S, data.nested, "nested", "false", "the examples of a smaller kappa are in a larger's"),
    KP_REAL(S, data.dev, "dev", "0", 0, 0.9, "share of the training data kept for development"),
    KP_ENUM(S, data.order, "order", "epoch", order_words, "shuffle anew each epoch, or never"),
};
static const bool data_hashed[] = {true, false, false, true, true, true, true,
                                   true, true,  false, true, true, true, true};

static const struct kp_option train_options[] = {
    KP_INT(S, train.epochs, "epochs", NULL, 1, 1e6, "passes over the training examples"),
    KP_INT(S, train.batch, "batch", "128", 1, 65536, "examples per step"),
    KP_INT(S, train.eval_batch, "eval_batch", "256", 1, 65536, "examples per evaluation batch"),
    KP_REAL(S, train.lr, "lr", "0.1", 0, 1e6, "learning rate, before the schedule"),
    KP_REAL(S, train.momentum, "momentum", "0", 0, 0.999999, "momentum of SGD"),
    KP_BOOL(S, train.nesterov, "nesterov", "false", "Nesterov's form of momentum"),
    KP_REAL(S, train.weight_decay, "weight_decay", "0", 0, 1e6,
            "weight decay, added to the gradient"),
    KP_ENUM(S, train.schedule, "schedule", "cosine_epoch", schedule_words,
            "learning rate over the epochs"),
    KP_INT(S, train.warmup_epochs, "warmup_epochs", "5", 0, 1e6, "epochs of linear warm-up"),
    KP_REAL(S, train.warmup_factor, "warmup_factor", "0.01", 0, 1,
            "learning rate factor at the start of the warm-up"),
    KP_INT(S, train.eval_every, "eval_every", "0", 0, 1e6,
           "epochs between evaluations, 0: only after the last"),
};
static const bool train_hashed[] = {true, true, false, true, true, true,
                                    true, true, true,  true, false};

static const struct kp_option seed_options[] = {
    KP_INT(S, seed.master, "master", "11", 0, KP_SEED_MAX, "seed of all streams that are not set"),
    KP_STRING(S, seed.init, "init", "master",
              "seed of the initial weights: master, a number, or teacher for the teacher's"),
    KP_STRING(S, seed.subset, "subset", "master",
              "seed of the student's choice of examples: master or a number"),
    KP_STRING(S, seed.order, "order", "master", "seed of the shuffling: master or a number"),
    KP_STRING(S, seed.augment, "augment", "master", "seed of the augmentation: master or a number"),
    KP_INT(S, seed.teacher_pool, "teacher_pool", "0", 0, KP_SEED_MAX,
           "seed of the teacher's pool and the development split"),
};
static const bool seed_hashed[] = {true, true, true, true, true, true};

static const struct kp_option device_options[] = {
    KP_ENUM(S, device.kind, "kind", "auto", device_words, "device that computes"),
    KP_INT(S, device.slice, "slice", "32", 16, 1024,
           "examples per unit of work, a multiple of 16; results depend on it, not on threads"),
};
static const bool device_hashed[] = {false, true};

static const struct kp_option teacher_options[] = {
    KP_ENUM(S, teacher.mode, "mode", "auto", mode_words,
            "teacher's logits from a table made once, or live on each batch"),
};
static const bool teacher_hashed[] = {true};

static const struct kp_option metrics_options[] = {
    KP_STRING(S, metrics.plugins, "plugins", "accuracy fidelity",
              "metrics to measure; those that need a teacher only where there is one"),
};
static const bool metrics_hashed[] = {false};

_Static_assert(sizeof(run_hashed) == sizeof(run_options) / sizeof(run_options[0]), "");
_Static_assert(sizeof(data_hashed) == sizeof(data_options) / sizeof(data_options[0]), "");
_Static_assert(sizeof(train_hashed) == sizeof(train_options) / sizeof(train_options[0]), "");
_Static_assert(sizeof(seed_hashed) == sizeof(seed_options) / sizeof(seed_options[0]), "");
_Static_assert(sizeof(device_hashed) == sizeof(device_options) / sizeof(device_options[0]), "");

const struct kp_section kp_sections[] = {
    {"run", KP_OPTIONS(run_options), run_hashed},
    {"data", KP_OPTIONS(data_options), data_hashed},
    {"train", KP_OPTIONS(train_options), train_hashed},
    {"seed", KP_OPTIONS(seed_options), seed_hashed},
    {"device", KP_OPTIONS(device_options), device_hashed},
    {"teacher", KP_OPTIONS(teacher_options), teacher_hashed},
    {"metrics", KP_OPTIONS(metrics_options), metrics_hashed},
};
const int kp_section_count = sizeof(kp_sections) / sizeof(kp_sections[0]);

bool kp_stream_seed_valid(const char *text, bool teacher_allowed)
{
    size_t n = strspn(text, "0123456789");

    if (strcmp(text, "master") == 0 || (teacher_allowed && strcmp(text, "teacher") == 0))
        return true;
    return n > 0 && n <= 18 && text[n] == '\0' && strtoll(text, NULL, 10) <= KP_SEED_MAX;
}

uint64_t kp_stream_seed(const char *text, int64_t master, bool *teacher)
{
    *teacher = strcmp(text, "teacher") == 0;
    if (*teacher || strcmp(text, "master") == 0)
        return (uint64_t)master;
    return (uint64_t)strtoll(text, NULL, 10);
}
