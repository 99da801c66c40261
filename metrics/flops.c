/* flops.c - the arithmetic of a net and of its training. */
#include "kappa/plugin.h"

/* Forward: 2 x multiply-adds of convolutions, linear layers and attention, for one example.
 * Training: three times that for each example seen, less where train.freeze spares a backward pass,
 * and the teacher's forward pass where the objective asks it; training the teacher is not counted.
 */
static enum kp_status analyse(const void *self, struct kp_analysis *a)
{
    (void)self;
    for (int64_t i = 0; i < kp_subject_count(a); i++) {
        const struct kp_net_facts *facts = kp_facts(a, i);

        if (!facts)
            break;
        kp_emit(a, i, "params", (double)facts->params);
        kp_emit(a, i, "forward_flops", facts->forward_flops);
        kp_emit(a, i, "train_flops", facts->train_flops);
    }
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {
    {"params", "", false, "trainable scalars"},
    {"forward_flops", "FLOP", false, "of one example"},
    {"train_flops", "FLOP", false, "of the whole training"},
};

static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_REFUSES_PAIRS,
    KP_VALUES(values),
    .analyse = analyse,
};

static const struct kp_metric_def flops = {
    .size = sizeof(struct kp_metric_def),
    .name = "flops",
    .doc = "Parameters and floating-point operations of a net and its training.",
    .formula = "forward_flops = 2 multiply-adds of convolutions, linear layers and attention\n"
               "train_flops = (3 forward_flops + the teacher's, if it is asked) examples seen",
    .analyser = &analyser,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "flops",
    .version = "1",
    .metrics = (const struct kp_metric_def *const[]){&flops, NULL},
};
