/* conv.h - a convolution of stride 1 on LANE planes, prepared. */
#ifndef KP_CPU_CONV_H
#define KP_CPU_CONV_H

#include "device/cpu/cpu.h"

struct kp_conv {
    struct kp_lane_conv g;
    bool backward; /* gradient of x: weights turned, channels swapped */
    bool fast;     /* by lane.conv_fast or lane.conv_grad_fast */
    int64_t tiles[2];
    int64_t blocks;             /* of output channels */
    int64_t block;              /* floats of a block's packed weights */
    int64_t pack;               /* floats of all packed weights */
    int64_t work;               /* floats that a worker needs besides */
    const struct kp_node *sums; /* takes statistics of y, or NULL */
};

/* The geometry of y = conv(x, w), or backward of dx = conv(dy, w turned). */
struct kp_conv kp_conv_geometry(const struct kp_node *n, const struct kp_value *x,
                                const struct kp_value *y, bool backward);

/* Whether Winograd's tiles of 2x2 outputs, so many down and across, save products. */
bool kp_conv_is_fast(const struct kp_lane_conv *g, const int64_t tiles[2]);

/* Packs the weights of one block (task) into the node's scratch. */
void kp_conv_pack(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t);

#endif
