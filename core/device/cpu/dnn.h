/* dnn.h - convolutions without a kernel of their own, by oneDNN where it is built in. */
#ifndef KP_CPU_DNN_H
#define KP_CPU_DNN_H

#include "device/cpu/cpu.h"

/* Whether oneDNN does the convolutions (of any direction) that kp_cpu_conv_is_lane() denies. */
bool kp_dnn_is_there(void);
/* Its name and version, "" where it is not there. */
void kp_dnn_describe(char *out, size_t size);
/* Caps its instruction set; only before its first use, later the one it has stays. */
void kp_dnn_cap(enum kp_cpu_level level);

size_t kp_scratch_dnn_conv(const struct kp_cpu *cpu, const struct kp_graph *g,
                           const struct kp_node *n);
void kp_lower_dnn_conv(struct kp_lowering *l, const struct kp_node *n);

#endif
