/* fuzz_vocabulary.c - any bytes as a tokeniser's list of tokens. */
#include "data/vocabulary.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct kp_vocabulary v = {0};
    struct kp_error e = {0};

    if (kp_vocabulary_parse(bytes, size, "vocab", &v, &e) == KP_OK) {
        KP_ASSERT(v.count >= 3 && v.count <= KP_TOKENS_MAX && (size_t)v.count <= size);
        for (int64_t i = 0; i < v.count; i++)
            KP_ASSERT(v.length[i] >= 0 && v.length[i] <= (float)size);
    } else {
        KP_ASSERT(e.status && strncmp(e.text, "vocab:", 6) == 0 && !v.length);
    }
    kp_vocabulary_finish(&v);
    return 0;
}
