/* fuzz_cifar.c - any bytes as a file of CIFAR-10 records. */
#include "data/format.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct kp_error e;
    int64_t count;

    if (kp_cifar_parse(size, KP_CIFAR_RECORD, "records", &count, &e))
        return 0;
    KP_ASSERT(count >= 1 && (size_t)count * KP_CIFAR_RECORD == size);
    int32_t *labels = malloc((size_t)count * sizeof *labels);
    if (labels && !kp_labels_parse(bytes, 0, KP_CIFAR_RECORD, count, KP_CIFAR_CLASSES, "records",
                                   labels, &e)) {
        for (int64_t i = 0; i < count; i++)
            KP_ASSERT(labels[i] >= 0 && labels[i] < KP_CIFAR_CLASSES);
    }
    free(labels);
    return 0;
}
