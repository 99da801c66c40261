/* l2.c - regression of the teacher's logits, the limit of distillation at high temperature. */
#include "kappa/plugin.h"

enum { REDUCTION_MEAN, REDUCTION_SUM };

static const char *const reduction_words[] = {"mean", "sum", NULL};

struct l2 {
    int reduction;
    bool centred;
};

static const struct kp_option l2_options[] = {
    KP_ENUM(struct l2, reduction, "reduction", "mean", reduction_words, "over the K classes"),
    KP_BOOL(struct l2, centred, "centred", "false",
            "compare the logits less their mean over the classes"),
};

/* With d = z - t: mean (d - mean d)^2 = mean d^2 - (mean d)^2 */
static enum kp_status l2_loss(const void *self, struct kp_tape *t, const struct kp_objective_io *io,
                              struct kp_tensor **loss)
{
    const struct l2 *o = self;
    struct kp_shape shape = kp_tensor_shape(t, io->logits);
    struct kp_tensor *d = kp_sub(t, io->logits, io->teacher_logits);
    struct kp_tensor *row = kp_row_mean(t, kp_mul(t, d, d));

    if (o->centred) {
        struct kp_tensor *mean = kp_row_mean(t, d);
        row = kp_sub(t, row, kp_mul(t, mean, mean));
    }
    if (o->reduction == REDUCTION_SUM)
        row = kp_scale(t, row, (double)shape.dim[shape.n - 1]);
    *loss = kp_weighted_mean(t, row, io->weights);
    return kp_tape_status(t);
}

static const struct kp_objective_def l2 = {
    .size = sizeof(struct kp_objective_def),
    .name = "l2",
    .doc = "Logit regression: squared distance to the teacher's logits.",
    .formula = "${reduction?mean:mean;sum:sum}_k ("
               "${centred?false:z_k - t_k;true:(z_k - mean z) - (t_k - mean t)})^2",
    .needs = KP_NEED_TEACHER_LOGITS,
    .self_size = sizeof(struct l2),
    .options = KP_OPTIONS(l2_options),
    .loss = l2_loss,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "l2",
    .version = "1",
    .objectives = (const struct kp_objective_def *const[]){&l2, NULL},
};
