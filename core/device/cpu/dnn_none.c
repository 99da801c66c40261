/* dnn_none.c - stands in for dnn_conv.c where oneDNN is not built in. */
#include "device/cpu/dnn.h"

bool kp_dnn_is_there(void)
{
    return false;
}

void kp_dnn_describe(char *out, size_t size)
{
    if (size > 0)
        out[0] = '\0';
}

void kp_dnn_cap(enum kp_cpu_level level)
{
    (void)level;
}

size_t kp_scratch_dnn_conv(const struct kp_cpu *cpu, const struct kp_graph *g,
                           const struct kp_node *n)
{
    return kp_scratch_conv_gemm(cpu, g, n);
}

void kp_lower_dnn_conv(struct kp_lowering *l, const struct kp_node *n)
{
    kp_lower_conv_gemm(l, n);
}
