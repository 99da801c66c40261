/* dependent_examples.c - a dataset whose examples depend on those that are read with them. */
#include "fixture.h"

static enum kp_status open(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    (void)self;
    (void)d;
    info->dtype = KP_F32;
    info->shape = kp_shape1(4);
    info->classes = 2;
    info->count[KP_DATASET_TRAIN] = info->count[KP_DATASET_TEST] = 100;
    return KP_OK;
}

static enum kp_status read(const void *self, struct kp_data *d, enum kp_dataset_split split,
                           const int64_t *number, int64_t count, void *example, int32_t *label)
{
    float *x = example;

    (void)self;
    (void)d;
    for (int64_t i = 0; i < count; i++) {
        for (int k = 0; x && k < 4; k++)
            x[4 * i + k] = (float)(number[i] + k + i) / (float)(1 + split);
        if (label)
            label[i] = (int32_t)(number[i] % 2);
    }
    return KP_OK;
}

static const struct kp_dataset_def dataset = {
    .size = sizeof(struct kp_dataset_def),
    .name = "dependent_examples",
    .doc = "Numbers.",
    .version = "1",
    .open = open,
    .read = read,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "dependent_examples",
    .version = "1",
    .datasets = (const struct kp_dataset_def *const[]){&dataset, NULL},
};
