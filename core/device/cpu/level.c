/* level.c - which instruction set the kernels use. */
#include "device/cpu/cpu.h"
#include "device/cpu/dnn.h"

#include <stdlib.h>
#include <string.h>

static const char *const level_words[] = {"portable", "avx2", "avx512"};

static enum kp_cpu_level processor_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return KP_CPU_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return KP_CPU_AVX2;
#endif
    return KP_CPU_PORTABLE;
}

enum kp_status kp_cpu_level_choose(enum kp_cpu_level *out, struct kp_error *e)
{
    const char *cap = getenv("KAPPA_CPU_LEVEL");
    enum kp_cpu_level level = processor_level();

    if (cap && *cap) {
        int word = 0;
        while (word < 3 && strcmp(cap, level_words[word]) != 0)
            word++;
        if (word == 3)
            return kp_fail(e, KP_E_INVALID,
                           "KAPPA_CPU_LEVEL is \"%.40s\"; it may be portable, avx2 or avx512", cap);
        if ((enum kp_cpu_level)word < level)
            level = (enum kp_cpu_level)word;
    }
    kp_dnn_cap(level); /* OpenBLAS has no such setting */
    *out = level;
    return KP_OK;
}

const struct kp_lane_ops *kp_cpu_level_lane(enum kp_cpu_level level)
{
#if defined(__x86_64__)
    if (level == KP_CPU_AVX512)
        return &kp_lane_avx512;
    if (level == KP_CPU_AVX2)
        return &kp_lane_avx2;
#else
    (void)level;
#endif
    return &kp_lane_portable;
}
