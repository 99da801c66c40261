/* lane.h - kernels on the LANE layout: 16 examples side by side, one table for each processor
 * level.
 *
 * A group is 16 examples. A value (N, C, ...) holds per group C planes of `plane` floats, of which
 * the first 16 * pixels are used: pixel p of channel c of the group's example e lies at
 * [c * plane + 16 * p + e]. Every function works on one thread and allocates nothing. */
#ifndef KP_CPU_LANE_H
#define KP_CPU_LANE_H

#include "kappa/row.h"
#include "kernels/optimizer.h"

#include <stdbool.h>
#include <stdint.h>

#define KP_LANES 16

/* A convolution of stride 1 with a k x k window, k = 1, 3, 5.   x (C, H, W) -> y (O, H', W') */
struct kp_lane_conv {
    int32_t k;
    int64_t pad[2];
    int64_t in_channels, in_size[2];
    int64_t out_channels, out_size[2];
    int64_t in_plane, out_plane; /* floats */
    int32_t block;               /* output channels that are computed together */
};

/* One plane of a batch norm: u = (x - mean) scale + shift [+ r], then ReLU, then max-pool. */
struct kp_lane_norm {
    int64_t size[2];   /* of x: height, width */
    int64_t pooled[2]; /* of y */
    int64_t window[2]; /* of the pool, without overlap; 1, 1 without pool */
    bool act;
    int lanes; /* examples that count, 1 to 16 */
    float mean, scale, shift;
    /* gradient: dx = scale g + slope (x - mean) + offset, g = gradient of u */
    float slope, offset;
};

/* What lane.conv_fast does besides. */
struct kp_lane_fast {
    int64_t tiles[2]; /* of 2x2 outputs, down and across */
    bool relu;
    bool pooled;   /* y holds the largest of each tile */
    double *stats; /* [O][2], as plane_stats gives them of each plane of y; or NULL */
    int lanes;     /* of stats */
};

/* Floats from one to the next of the 16 elements of four tiles of all channels: never a multiple of
 * 4 KiB, which would crowd them into one set of the cache. */
#define KP_WINO_STRIDE(channels) ((channels)*4 * KP_LANES + 4 * KP_LANES)
/* Floats of working memory for C input and O output channels. */
#define KP_WINO_WORK(in, block, out) \
    (16 * KP_WINO_STRIDE(in) + 16 * (block)*4 * KP_LANES + (out) * (2 * KP_LANES + 16))

/* Working memory of lane.conv_grad_fast, in floats: tiles that are worked on together; rows of so
 * many channels and their elements, which keep clear of each other's sets of the cache; the sums.
 */
static inline int64_t kp_grad_tiles(int64_t in, int64_t out)
{
    const int64_t fit = 2048 / (in + out);
    return fit < 8 ? 8 : fit > 32 ? 32 : fit;
}
#define KP_GRAD_ROUND(channels)          (((channels) + 3) / 4 * 4)
#define KP_GRAD_STRIDE(channels, length) ((channels) * (length) + 4 * KP_LANES)
/* Whole vectors of output channels. */
#define KP_GRAD_FULL(out)     (((out) + KP_LANES - 1) / KP_LANES * KP_LANES)
#define KP_GRAD_SUMS(in, out) (16 * (in)*KP_GRAD_FULL(out))
static inline int64_t kp_grad_work(int64_t in, int64_t out)
{
    const int64_t length = kp_grad_tiles(in, out) * KP_LANES;
    return KP_GRAD_SUMS(in, out) + 16 * KP_GRAD_STRIDE(in, length) +
           16 * KP_GRAD_STRIDE(KP_GRAD_ROUND(out), length);
}

/* A pooling window over planes. */
struct kp_lane_pool {
    int64_t in_size[2], out_size[2];
    int64_t size[2], stride[2], pad[2];
};

/* One head of attention: `tokens` rows of `size` numbers, `row` floats from one to the next. */
struct kp_lane_head {
    int64_t tokens, size, row;
    float scale;
    bool causal;
};

/* l and the working memory are as attention left them, the rest is as q. */
struct kp_lane_head_grad {
    const float *q, *k, *v, *y, *l, *dy;
    float *dq, *dk, *dv;
};

/* Floats of working memory of a head; both extents are padded. */
#define KP_ATT_PADDED(size) (((size) + 15) / 16 * 16)
#define KP_ATT_KEYS(tokens) (((tokens) + 7) / 8 * 8)
#define KP_ATT_WORK(tokens, size) \
    (4 * KP_ATT_KEYS(tokens) * (KP_ATT_PADDED(size) + 16) + 4 * 32 * KP_ATT_PADDED(size))

/* Floats from one row of scratch to the next: whole vectors, and another line so that rows of 2^n
 * classes keep clear of each other's sets of the cache. */
#define KP_ROW_ROOM(classes) (((classes) + 15) / 16 * 16 + 16)
/* Rows of scratch that a thread needs for a row function: the function's, the helpers' and the
 * gradient. */
#define KP_ROW_ROOMS (KP_ROW_WORK + 3)

/* Rows that an objective's row function takes. Loss i is weight i times the function's; gradients
 * are multiplied by weight i times `share`. A label of no class counts as none. */
struct kp_lane_rows {
    const struct kp_row_loss *loss;
    const void *self;
    int64_t classes;
    const float *logits, *teacher; /* [rows][classes]; teacher may be NULL */
    const int32_t *labels;
    const float *weights;
    double share;
    float *grads; /* as logits */
    double *losses;
    float *work; /* KP_ROW_ROOMS rows of KP_ROW_ROOM(classes) */
};

struct kp_lane_ops {
    const char *name;

    /* Rows [row, row_end) of y for one block of output channels, `count` of them real.
     * w [C][k][k][block]; bias [count] or NULL; y points to row `row` of the block's first channel,
     * the next channel y_plane floats further. relu: y = max(y, 0). */
    void (*conv)(const struct kp_lane_conv *g, const float *x, const float *w, const float *bias,
                 float *y, int64_t y_plane, int count, int64_t row, int64_t row_end, bool relu);

    /* The whole of y for 3x3 windows, with fewer products (lane_winograd.inl). u [O / block][16][C]
     * [block], the weights as kp_conv_pack() leaves them; work: KP_WINO_WORK(C, block, O) floats.
     */
    void (*conv_fast)(const struct kp_lane_conv *g, const struct kp_lane_fast *f, const float *x,
                      const float *u, const float *bias, float *y, int64_t y_plane, float *work);

    /* dw [O][C][k][k] = sum over groups, examples and pixels of dy x. db [O] = sum of dy, or NULL.
     * Groups are x_group and dy_group floats apart. */
    void (*conv_grad_w)(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                        const float *dy, int64_t dy_group, int64_t groups, float *dw, float *db);

    /* The same for 3x3 windows, with fewer products (lane_winograd_grad.inl); work: kp_grad_work(C,
     * O) floats. */
    void (*conv_grad_fast)(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                           const float *dy, int64_t dy_group, int64_t groups, float *dw, float *db,
                           float *work);

    /* out[0] = mean, out[1] = sum of squared deviations, over `pixels` pixels of `lanes` examples.
     */
    void (*plane_stats)(const float *x, int64_t pixels, int lanes, double out[2]);

    void (*norm)(const struct kp_lane_norm *n, const float *x, const float *r, float *y);
    /* out[0] = sum of g, out[1] = sum of g (x - mean) */
    void (*norm_grad_sums)(const struct kp_lane_norm *n, const float *x, const float *r,
                           const float *dy, double out[2]);
    /* dr = g, or NULL */
    void (*norm_grad)(const struct kp_lane_norm *n, const float *x, const float *r, const float *dy,
                      float *dx, float *dr);

    void (*max_pool)(const struct kp_lane_pool *p, const float *x, float *y);
    void (*max_pool_grad)(const struct kp_lane_pool *p, const float *x, const float *dy, float *dx);
    void (*avg_pool)(const struct kp_lane_pool *p, const float *x, float *y);
    void (*avg_pool_grad)(const struct kp_lane_pool *p, const float *dy, float *dx);

    /* Elementwise over n floats, n a multiple of 16. */
    void (*relu)(int64_t n, const float *x, float *y);
    void (*relu_grad)(int64_t n, const float *y, const float *dy, float *dx);
    void (*add)(int64_t n, const float *a, const float *b, float *y);
    void (*sub)(int64_t n, const float *a, const float *b, float *y);
    void (*mul)(int64_t n, const float *a, const float *b, float *y);
    void (*round)(int64_t n, const float *x, float *y); /* to bf16; any n */
    void (*scale)(int64_t n, float factor, const float *x, float *y);
    void (*gelu)(int64_t n, bool approximate, const float *x, float *y);
    void (*gelu_grad)(int64_t n, bool approximate, const float *x, const float *dy, float *dx);

    /* Row-major. One row of k numbers; out[0] = mean, out[1] = 1 / sqrt(variance + eps). */
    void (*layer_norm)(int64_t k, float eps, const float *x, const float *gamma, const float *beta,
                       float *y, float out[2]);
    /* dgamma and dbeta are added to; NULL: neither. */
    void (*layer_norm_grad)(int64_t k, float m, float s, const float *x, const float *gamma,
                            const float *dy, float *dx, float *dgamma, float *dbeta);
    /* Row-major, one head; work: KP_ATT_WORK(tokens, size) floats. l [tokens] */
    void (*attention)(const struct kp_lane_head *h, const float *q, const float *k, const float *v,
                      float *y, float *l, float *work);
    void (*attention_grad)(const struct kp_lane_head *h, const struct kp_lane_head_grad *g,
                           float *work);

    /* One step over n parameters. v NULL: without momentum. */
    void (*sgd)(int64_t n, const struct kp_sgd *s, const float *g, float *v, float *p);
    void (*adam)(int64_t n, const struct kp_adam *a, const float *g, float *m, float *v, float *p);

    /* Rows first to end - 1. */
    void (*rows)(const struct kp_lane_rows *r, int64_t first, int64_t end);
    /* The helpers of row functions, also of the tape's losses. The row's scratch is two of
     * KP_ROW_ROOM(classes) floats, its gradient another. grad may be NULL: then the helpers that
     * add losses leave it out. */
    struct kp_row_fn_float row;
};

extern const struct kp_lane_ops kp_lane_portable;
#if defined(__x86_64__)
extern const struct kp_lane_ops kp_lane_avx2;
extern const struct kp_lane_ops kp_lane_avx512;
#endif

/* Output channels per block that waste least of `channels`, among those that the kernels have. */
static inline int32_t kp_lane_block(int64_t channels)
{
    static const int32_t choice[] = {5, 6, 4};
    int32_t best = 0;
    int64_t least = 0;

    for (int i = 0; i < 3; i++) {
        int64_t padded = (channels + choice[i] - 1) / choice[i] * choice[i];
        if (best == 0 || padded < least) {
            best = choice[i];
            least = padded;
        }
    }
    return best;
}

#endif
