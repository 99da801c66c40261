/* conv_pack.c - geometry of LANE convolutions, and weights in the order that the kernels read. */
#include "device/cpu/conv.h"

/* Fewer channels do not pay for Winograd's transformations. */
#define FAST_CHANNELS 8

struct kp_conv kp_conv_geometry(const struct kp_node *n, const struct kp_value *x,
                                const struct kp_value *y, bool backward)
{
    const struct kp_window *w = &n->attrs.window;
    struct kp_conv c = {.backward = backward};

    c.g.k = (int32_t)w->size[0];
    for (int d = 0; d < 2; d++) {
        c.g.pad[d] = backward ? w->size[d] - 1 - w->pad[d] : w->pad[d];
        c.g.in_size[d] = x->shape.dim[2 + d];
        c.g.out_size[d] = y->shape.dim[2 + d];
    }
    c.g.in_channels = x->shape.dim[1];
    c.g.out_channels = y->shape.dim[1];
    c.g.in_plane = kp_lane_plane(x);
    c.g.out_plane = kp_lane_plane(y);
    c.g.block = kp_lane_block(c.g.out_channels);
    c.blocks = (c.g.out_channels + c.g.block - 1) / c.g.block;
    c.block = c.g.block * c.g.in_channels * c.g.k * c.g.k;
    c.pack = (c.blocks * c.block + 15) / 16 * 16;
    return c;
}

bool kp_conv_is_fast(const struct kp_lane_conv *g, const int64_t tiles[2])
{
    return g->k == 3 && g->in_channels >= FAST_CHANNELS && g->out_channels >= FAST_CHANNELS &&
           16 * tiles[0] * tiles[1] <= 8 * g->out_size[0] * g->out_size[1];
}

/* Weight of tap k between input channel i and output channel o of the kernel at work. */
static float tap(const struct kp_conv *c, const float *w, int64_t o, int64_t i, int64_t k)
{
    const int64_t taps = c->g.k * c->g.k;

    if (o >= c->g.out_channels)
        return 0.0f;
    if (c->backward)
        return w[(i * c->g.out_channels + o) * taps + taps - 1 - k];
    return w[(o * c->g.in_channels + i) * taps + k];
}

/* U = G w G' with G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1], element k at u[k * stride]. */
static void winograd_weights(const float w[9], float *u, int64_t stride)
{
    float r[4][3];

    for (int j = 0; j < 3; j++) {
        r[0][j] = w[j];
        r[1][j] = 0.5f * (w[j] + w[6 + j] + w[3 + j]);
        r[2][j] = 0.5f * (w[j] + w[6 + j] - w[3 + j]);
        r[3][j] = w[6 + j];
    }
    for (int i = 0; i < 4; i++) {
        u[(4 * i) * stride] = r[i][0];
        u[(4 * i + 1) * stride] = 0.5f * (r[i][0] + r[i][2] + r[i][1]);
        u[(4 * i + 2) * stride] = 0.5f * (r[i][0] + r[i][2] - r[i][1]);
        u[(4 * i + 3) * stride] = r[i][2];
    }
}

/* w [O][C][k][k]  ->  [C][k][k][block], or U [16][C][block]; channels that are missing are 0. */
void kp_conv_pack(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_conv *c = s->data;
    const int64_t taps = c->g.k * c->g.k, channels = c->g.in_channels, block = c->g.block;
    const float *w = kp_floats(p, s->node->in[1]);
    float *to = (float *)kp_scratch(p, s->node) + t->index * c->block;

    for (int64_t i = 0; i < channels; i++)
        for (int64_t b = 0; b < block; b++) {
            const int64_t o = t->index * block + b;
            if (c->fast) {
                float window[9];
                for (int64_t k = 0; k < 9; k++)
                    window[k] = tap(c, w, o, i, k);
                winograd_weights(window, to + i * block + b, channels * block);
                continue;
            }
            for (int64_t k = 0; k < taps; k++)
                to[(i * taps + k) * block + b] = tap(c, w, o, i, k);
        }
}
