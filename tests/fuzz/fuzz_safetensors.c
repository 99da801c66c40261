/* fuzz_safetensors.c - any bytes as a weights file. */
#include "fuzz.h"
#include "train/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct kp_safetensors f = {0};
    struct kp_error e = {0};
    volatile uint8_t sum = 0;

    if (kp_safetensors_parse(bytes, size, "fuzz", &f, &e) != KP_OK)
        return 0;
    for (int64_t i = 0; i < f.count; i++) {
        const uint8_t *data = f.arrays[i].data;
        for (size_t k = 0; k < kp_stored_bytes(&f.arrays[i]); k++)
            sum = (uint8_t)(sum + data[k]);
    }
    kp_safetensors_close(&f);
    return 0;
}
