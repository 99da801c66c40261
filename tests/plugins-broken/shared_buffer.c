/* shared_buffer.c - a dataset that reads by way of static memory, which threads share. */
#include "fixture.h"

#include <string.h>

enum { NUMBERS = 512 };

static float buffer[NUMBERS];

static enum kp_status open(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    (void)self;
    (void)d;
    info->dtype = KP_F32;
    info->shape = kp_shape1(NUMBERS);
    info->classes = 2;
    info->count[KP_DATASET_TRAIN] = info->count[KP_DATASET_TEST] = 100;
    return KP_OK;
}

static enum kp_status read(const void *self, struct kp_data *d, enum kp_dataset_split split,
                           const int64_t *number, int64_t count, void *example, int32_t *label)
{
    (void)self;
    (void)d;
    for (int64_t i = 0; i < count; i++) {
        for (int k = 0; k < NUMBERS; k++)
            buffer[k] = sinf((float)(number[i] + k + (int)split));
        if (example)
            memcpy((float *)example + i * NUMBERS, buffer, sizeof(buffer));
        if (label)
            label[i] = (int32_t)(number[i] % 2);
    }
    return KP_OK;
}

static const struct kp_dataset_def dataset = {
    .size = sizeof(struct kp_dataset_def),
    .name = "shared_buffer",
    .doc = "Numbers.",
    .version = "1",
    .open = open,
    .read = read,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "shared_buffer",
    .version = "1",
    .datasets = (const struct kp_dataset_def *const[]){&dataset, NULL},
};
