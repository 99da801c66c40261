/* settings.c - the option tables of the core's own sections. */
#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#define S struct kp_settings

static const char *const role_words[] = {"teacher", "student", NULL};
static const char *const cohort_words[] = {"auto", "off", NULL};
static const char *const label_words[] = {"fine", "coarse", NULL};
static const char *const decode_words[] = {"auto", "packed", "live", NULL};
static const char *const pool_words[] = {"fresh", "subset", "disjoint", NULL};
static const char *const draw_words[] = {"random", "first", NULL};
static const char *const keep_words[] = {"end", "kappas", NULL};
static const char *const order_words[] = {"epoch", "fixed", NULL};
static const char *const precision_words[] = {"fp32", "bf16", NULL};
static const char *const optimizer_words[] = {"sgd", "adam", "adamw", NULL};
static const char *const schedule_words[] = {"constant",  "cosine_epoch", "cosine",
                                             "multistep", "languini",     NULL};
static const char *const device_words[] = {"auto", "cpu", "cuda", "ref", NULL};
static const char *const mode_words[] = {"auto", "table", "live", NULL};

static const struct kp_option run_options[] = {
    KP_STRING(S, run.name, "name", "", "what people call the run"),
    KP_ENUM(S, run.role, "role", "student", role_words,
            "teacher: trains on the teacher's pool, with random streams of its own"),
    KP_INT(S, run.threads, "threads", "0", 0, 1024, "threads of the run, 0: all cores"),
    KP_REAL(S, run.checkpoint, "checkpoint", "60", 0, 1e9, "seconds between checkpoints"),
    KP_ENUM(S, run.cohort, "cohort", "auto", cohort_words,
            "auto: runs on the same batches are trained in lockstep; off: one after the other"),
    KP_INT(S, run.cohort_memory, "cohort_memory", "0", 0, 1e9,
           "MiB that runs in lockstep take together at most, 0: half of the machine's memory; on a "
           "GPU never more than half of what it has left"),
    KP_STRING(S, run.imported, "imported", "",
              "sha256 of the weights that `kappa import` took in place of a training"),
};
static const bool run_hashed[] = {false, true, false, false, false, false, true};

static const struct kp_option data_options[] = {
    KP_STRING(S, data.format, "format", "",
              "format of the dataset's files: cifar10, cifar100, cifar5m, folder, idx or list"),
    KP_STRING(S, data.set, "set", "", "dataset plugin, in place of format"),
    KP_STRING(S, data.name, "name", "", "name of the dataset in the database, empty: the format"),
    KP_STRING(S, data.root, "root", "${env:KAPPA_DATA}", "folder of the dataset"),
    KP_ENUM(S, data.labels, "labels", "fine", label_words,
            "of cifar100: the 100 classes, or the 20 superclasses"),
    KP_STRING(S, data.list, "list", "list.txt",
              "of format list: the file of lines `path label split`, as seen from root"),
    KP_INT(S, data.pad_to, "pad_to", "0", 0, 4096,
           "height and width after padding with zeros, 0: as they are"),
    KP_INT(S, data.downsample, "downsample", "0", 0, 4096,
           "height and width after averaging boxes of pixels, 0: as they are"),
    KP_INT(S, data.resize, "resize", "0", 0, 4096,
           "of image files: shorter side after resizing, in pixels, 0: as they are"),
    KP_INT(S, data.crop, "crop", "0", 0, 4096,
           "of image files: side of the square that is loaded, in pixels, 0: whole images"),
    KP_ENUM(S, data.decode, "decode", "auto", decode_words,
            "of image files: packed: once, into a cache; live: whenever they are wanted; auto: "
            "packed where that fits"),
    KP_STRING(S, data.cache, "cache", "",
              "folder of decoded images, empty: the dataset's, or the user's cache folder"),
    KP_INT(S, data.decoders, "decoders", "0", 0, 1024,
           "threads that decode and cut images, 0: all cores"),
    KP_BOOL(S, data.skip_bad, "skip_bad", "false",
            "leave out image files and CIFAR-5m archives that are damaged"),
    KP_INT(S, data.test_limit, "test_limit", "0", 0, 1e9,
           "test examples, the first ones, 0: all (of cifar5m: 10000)"),
    KP_REALS(S, data.mean, "mean", "", -1e6, 1e6, "mean of each channel, of pixels in 0 to 1"),
    KP_REALS(S, data.sd, "sd", "", 1e-6, 1e6,
             "standard deviation of each channel, of pixels in 0 to 1"),
    KP_BOOL(S, data.flip, "flip", "false", "mirror half of the examples"),
    KP_INT(S, data.crop_pad, "crop_pad", "0", 0, 127,
           "largest random shift of the image, in pixels"),
    KP_REAL(S, data.rotate, "rotate", "0", 0, 180, "largest random rotation, in degrees"),
    KP_BOOL(S, data.random_resized_crop, "random_resized_crop", "false",
            "of image files: train on random pieces, resized to crop"),
    KP_INT(S, data.n_teacher, "n_teacher", NULL, 1, 1e9, "N: examples in the teacher's pool"),
    KP_REAL(S, data.kappa, "kappa", "1", 1e-9, 1000,
            "M / N: the student's examples over the teacher's"),
    KP_ENUM(S, data.student_pool, "student_pool", "fresh", pool_words,
            "students draw from all examples, the teacher's pool, or all but the pool"),
    KP_ENUM(S, data.draw, "draw", "random", draw_words,
            "first: the pool is the first examples, and so are a student's, in their order, as "
            "text is read"),
    KP_INT(S, data.student_offset, "student_offset", "0", 0, 1e12,
           "first: examples that a student passes over"),
    KP_BOOL(S, data.nested, "nested", "false",
            "random: the examples of a smaller kappa are in a larger's"),
    KP_REAL(S, data.dev, "dev", "0", 0, 0.9, "share of the training data kept for development"),
    KP_ENUM(S, data.order, "order", "epoch", order_words, "shuffle anew each epoch, or never"),
};
/* In the order above: neither name, root, decode, cache, decoders nor kappa, for which data.m is
 * hashed. The test set does not change the weights, but the results that a run stands for. */
static const bool data_hashed[] = {true,  true,  false, false, true, true, true, true, true, true,
                                   false, false, false, true,  true, true, true, true, true, true,
                                   true,  true,  false, true,  true, true, true, true, true};

static const struct kp_option_use data_uses[] = {
    {"student_offset", "draw", 1u << KP_SETTING_DRAW_FIRST},
    {"nested", "draw", 1u << KP_SETTING_DRAW_RANDOM},
};

static const struct kp_option train_options[] = {
    KP_INT(S, train.epochs, "epochs", NULL, 1, 1e6, "passes over the training examples"),
    KP_INT(S, train.batch, "batch", "128", 1, 65536, "examples per step"),
    KP_INT(S, train.micro_batch, "micro_batch", "0", 0, 65536,
           "examples that go through the net at a time: batch norms see these, gradients are added "
           "up to the batch's, 0: all"),
    KP_INT(S, train.eval_batch, "eval_batch", "256", 1, 65536, "examples per evaluation batch"),
    KP_ENUM(S, train.precision, "precision", "fp32", precision_words,
            "bf16: linear layers, convolutions and attention multiply numbers rounded to bf16, in "
            "training, in evaluation and in the teacher; sums, parameters and all else stay fp32"),
    KP_ENUM(S, train.optimizer, "optimizer", "sgd", optimizer_words,
            "what turns gradients into steps"),
    KP_REAL(S, train.lr, "lr", "0.1", 0, 1e6, "learning rate, the highest of the schedule"),
    KP_REAL(S, train.momentum, "momentum", "0", 0, 0.999999, "sgd: momentum"),
    KP_BOOL(S, train.nesterov, "nesterov", "false", "sgd: Nesterov's form of momentum"),
    KP_REAL(S, train.beta1, "beta1", "0.9", 0, 0.999999, "adam, adamw: decay of the mean gradient"),
    KP_REAL(S, train.beta2, "beta2", "0.999", 0, 0.99999999,
            "adam, adamw: decay of the mean squared gradient"),
    KP_REAL(S, train.eps, "eps", "1e-8", 1e-30, 1,
            "adam, adamw: added to the root of the mean squared gradient"),
    KP_REAL(S, train.weight_decay, "weight_decay", "0", 0, 1e6,
            "weight decay: times the weight added to the gradient; adamw: apart from it, times lr"),
    KP_REAL(S, train.clip_norm, "clip_norm", "0", 0, 1e12,
            "largest norm of all gradients together, 0: no limit"),
    KP_STRING(S, train.freeze, "freeze", "",
              "beginnings of the names of parameters that are not trained, with spaces between; "
              "their batch norms keep the running statistics"),
    KP_ENUM(S, train.schedule, "schedule", "cosine_epoch", schedule_words,
            "learning rate over the training"),
    KP_INT(S, train.warmup_epochs, "warmup_epochs", "5", 0, 1e6,
           "cosine_epoch, cosine, multistep: epochs of linear warm-up; by epochs from "
           "warmup_factor, or else by steps from 0"),
    KP_REAL(S, train.warmup_factor, "warmup_factor", "0.01", 0, 1,
            "cosine_epoch: learning rate factor at the start of the warm-up"),
    KP_REAL(S, train.lr_final, "lr_final", "0", 0, 1e6,
            "cosine_epoch, cosine, languini: learning rate that the cosine falls to"),
    KP_INTS(S, train.milestones, "milestones", NULL, 1, 1e6,
            "multistep: completed epochs after which lr_factor applies"),
    KP_REAL(S, train.lr_factor, "lr_factor", "0.1", 0, 1,
            "multistep: learning rate factor of each milestone"),
    KP_INT(S, train.warmup_steps, "warmup_steps", "200", 0, 1e12,
           "languini: steps of linear warm-up"),
    KP_INT(S, train.decay_steps, "decay_steps", "500000", 1, 1e12,
           "languini: steps until the cosine has fallen"),
    KP_INT(S, train.eval_every, "eval_every", "0", 0, 1e6,
           "epochs between evaluations, 0: only after the last"),
    KP_REALS(S, train.eval_kappas, "eval_kappas", "", 1e-9, 1000,
             "kappas below the run's own at which it is evaluated, each with results of its own"),
    KP_ENUM(S, train.keep, "keep", "end", keep_words,
            "weights that are kept: the last ones, or also those of each of eval_kappas"),
    KP_INT(S, train.log_every, "log_every", "0", 0, 1e9,
           "steps between points of the training loss, 0: after each epoch"),
};
static const bool train_hashed[] = {true, true, true, false, true, true,  true,  true,  true,
                                    true, true, true, true,  true, true,  true,  true,  true,
                                    true, true, true, true,  true, false, false, false, false};

#define ADAMS (1u << KP_SETTING_OPTIMIZER_ADAM | 1u << KP_SETTING_OPTIMIZER_ADAMW)
#define SGD   (1u << KP_SETTING_OPTIMIZER_SGD)

#define COSINE_EPOCH (1u << KP_SETTING_SCHEDULE_COSINE_EPOCH)
#define COSINE       (1u << KP_SETTING_SCHEDULE_COSINE)
#define MULTISTEP    (1u << KP_SETTING_SCHEDULE_MULTISTEP)
#define LANGUINI     (1u << KP_SETTING_SCHEDULE_LANGUINI)

static const struct kp_option_use train_uses[] = {
    {"momentum", "optimizer", SGD},
    {"nesterov", "optimizer", SGD},
    {"beta1", "optimizer", ADAMS},
    {"beta2", "optimizer", ADAMS},
    {"eps", "optimizer", ADAMS},
    {"warmup_epochs", "schedule", COSINE_EPOCH | COSINE | MULTISTEP},
    {"warmup_factor", "schedule", COSINE_EPOCH},
    {"lr_final", "schedule", COSINE_EPOCH | COSINE | LANGUINI},
    {"milestones", "schedule", MULTISTEP},
    {"lr_factor", "schedule", MULTISTEP},
    {"warmup_steps", "schedule", LANGUINI},
    {"decay_steps", "schedule", LANGUINI},
};

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
    KP_INT(S, device.index, "index", "0", 0, 1023,
           "cuda: which GPU, of those that CUDA_VISIBLE_DEVICES leaves"),
    KP_BOOL(S, device.tf32, "tf32", "false",
            "cuda: matrix products of fp32 round their operands to 11 bits, for speed"),
};
static const bool device_hashed[] = {false, true, false, true};

static const struct kp_option_use device_uses[] = {
    {"tf32", "kind", 1u << KP_SETTING_DEVICE_AUTO | 1u << KP_SETTING_DEVICE_CUDA},
};

static const struct kp_option teacher_options[] = {
    KP_ENUM(S, teacher.mode, "mode", "auto", mode_words,
            "teacher's logits from a table made once, or live on each batch"),
};
static const bool teacher_hashed[] = {true};

static const struct kp_option init_options[] = {
    KP_STRING(S, init.skip, "skip", "",
              "beginnings of the names of arrays that are not taken from the weights, with spaces "
              "between; they begin at random as usual"),
};
static const bool init_hashed[] = {true};

static const struct kp_option metrics_options[] = {
    KP_STRING(S, metrics.plugins, "plugins", "accuracy fidelity",
              "metrics to measure; those that need a teacher only where there is one"),
};
static const bool metrics_hashed[] = {false};

static const struct kp_option plugins_options[] = {
    KP_STRING(S, plugins.path, "path", "",
              "folders of further plugins, with ':' between, seen from the file that names them"),
};
static const bool plugins_hashed[] = {false};

_Static_assert(sizeof(run_hashed) == sizeof(run_options) / sizeof(run_options[0]), "");
_Static_assert(sizeof(data_hashed) == sizeof(data_options) / sizeof(data_options[0]), "");
_Static_assert(sizeof(train_hashed) == sizeof(train_options) / sizeof(train_options[0]), "");
_Static_assert(sizeof(seed_hashed) == sizeof(seed_options) / sizeof(seed_options[0]), "");
_Static_assert(sizeof(device_hashed) == sizeof(device_options) / sizeof(device_options[0]), "");

const struct kp_section kp_sections[] = {
    {"run", KP_OPTIONS(run_options), run_hashed},
    {"data", KP_OPTIONS(data_options), data_hashed, data_uses,
     sizeof(data_uses) / sizeof(data_uses[0])},
    {"train", KP_OPTIONS(train_options), train_hashed, train_uses,
     sizeof(train_uses) / sizeof(train_uses[0])},
    {"seed", KP_OPTIONS(seed_options), seed_hashed},
    {"device", KP_OPTIONS(device_options), device_hashed, device_uses,
     sizeof(device_uses) / sizeof(device_uses[0])},
    {"teacher", KP_OPTIONS(teacher_options), teacher_hashed},
    {"init", KP_OPTIONS(init_options), init_hashed},
    {"metrics", KP_OPTIONS(metrics_options), metrics_hashed},
    {"plugins", KP_OPTIONS(plugins_options), plugins_hashed},
};
const int kp_section_count = sizeof(kp_sections) / sizeof(kp_sections[0]);

bool kp_setting_is_place(const char *key)
{
    return strcmp(key, "data.root") == 0 || strcmp(key, "data.cache") == 0;
}

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
