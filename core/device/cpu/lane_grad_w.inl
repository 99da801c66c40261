/* lane_grad_w.inl - gradient of a convolution's weights on LANE planes.
 *
 *   dw[o][c][i][j] = sum over groups, h, p and lanes of dy[o][h][p] x[c][h + i - pad][p + j - pad]
 *
 * A tile is 4 output channels x IB input channels x one row of the window, in registers over all
 * pixels; the lanes are added up at its end. The four planes of dy stay in cache for all c. */

#define GRAD_OUT 4

#if KP_VEC == 16
#define GRAD_IN_1 5
#define GRAD_IN_3 2
#else
#define GRAD_IN_1 2
#define GRAD_IN_3 1
#endif

/* One pixel; K, IB and edge are constants. */
KP_INLINE void grad_w_pixel(kp_vec a[GRAD_OUT][5][5], const float *x, int64_t x_plane,
                            const float *const dy[GRAD_OUT], int64_t at, int64_t column,
                            int64_t width, const int K, const int IB, const bool edge)
{
    kp_vec d[GRAD_OUT];

    KP_UNROLL
    for (int o = 0; o < GRAD_OUT; o++)
        d[o] = v_load(dy[o] + at);
    KP_UNROLL
    for (int c = 0; c < IB; c++) {
        KP_UNROLL
        for (int j = 0; j < K; j++) {
            const float *q = x + c * x_plane + j * KP_LANES;
            kp_vec v =
                edge ? v_load_gated(v_gate(column + j >= 0 && column + j < width), q) : v_load(q);
            KP_UNROLL
            for (int o = 0; o < GRAD_OUT; o++)
                a[o][c][j] = v_fma(d[o], v, a[o][c][j]);
        }
    }
}

/* Row i of the window, channels c .. c + IB - 1, output channels o .. o + 3 (clamped to `count`).
 */
KP_INLINE void grad_w_tile(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                           const float *dy, int64_t dy_group, int64_t groups, float *dw, int count,
                           int64_t i, const int K, const int IB)
{
    kp_vec a[GRAD_OUT][5][5];
    float sums[5][5][GRAD_OUT];
    const int64_t width = g->in_size[1], out_width = g->out_size[1];
    const int64_t h0 = g->pad[0] > i ? g->pad[0] - i : 0;
    const int64_t below = g->in_size[0] + g->pad[0] - i;
    const int64_t h1 = below < g->out_size[0] ? below : g->out_size[0];
    /* columns p in [p0, p1) need no gate */
    const int64_t p0 = g->pad[1] < out_width ? g->pad[1] : out_width;
    const int64_t free_end = width + g->pad[1] - K + 1;
    const int64_t p1 = free_end < p0 ? p0 : free_end < out_width ? free_end : out_width;

    memset(sums, 0, sizeof(sums));
    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        KP_UNROLL
        for (int o = 0; o < GRAD_OUT; o++) {
            KP_UNROLL
            for (int c = 0; c < IB; c++) {
                KP_UNROLL
                for (int j = 0; j < K; j++)
                    a[o][c][j] = v_zero();
            }
        }
        for (int64_t n = 0; n < groups; n++) {
            const float *d[GRAD_OUT];
            const float *xn = x + n * x_group + e;
            KP_UNROLL
            for (int o = 0; o < GRAD_OUT; o++)
                d[o] = dy + n * dy_group + (o < count ? o : count - 1) * g->out_plane + e;
            for (int64_t h = h0; h < h1; h++) {
                const float *xr = xn + ((h + i - g->pad[0]) * width - g->pad[1]) * KP_LANES;
                int64_t at = h * out_width * KP_LANES;
                int64_t p = 0;
                for (; p < p0; p++, at += KP_LANES)
                    grad_w_pixel(a, xr + p * KP_LANES, g->in_plane, d, at, p - g->pad[1], width, K,
                                 IB, true);
                for (; p < p1; p++, at += KP_LANES)
                    grad_w_pixel(a, xr + p * KP_LANES, g->in_plane, d, at, 0, width, K, IB, false);
                for (; p < out_width; p++, at += KP_LANES)
                    grad_w_pixel(a, xr + p * KP_LANES, g->in_plane, d, at, p - g->pad[1], width, K,
                                 IB, true);
            }
        }
        KP_UNROLL
        for (int c = 0; c < IB; c++) {
            KP_UNROLL
            for (int j = 0; j < K; j++) {
                float s[GRAD_OUT];
                v_sum4(a[0][c][j], a[1][c][j], a[2][c][j], a[3][c][j], s);
                for (int o = 0; o < GRAD_OUT; o++)
                    sums[c][j][o] += s[o];
            }
        }
    }
    for (int o = 0; o < count; o++)
        for (int c = 0; c < IB; c++)
            for (int j = 0; j < K; j++)
                dw[((o * g->in_channels + c) * K + i) * K + j] = sums[c][j][o];
}

/* One block of output channels. */
KP_INLINE void grad_w_block(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                            const float *dy, int64_t dy_group, int64_t groups, float *dw, int count,
                            const int K, const int IB)
{
    int64_t c = 0;

    for (; c + IB <= g->in_channels; c += IB)
        for (int64_t i = 0; i < K; i++)
            grad_w_tile(g, x + c * g->in_plane, x_group, dy, dy_group, groups, dw + c * K * K,
                        count, i, K, IB);
    for (; c < g->in_channels; c++)
        for (int64_t i = 0; i < K; i++)
            grad_w_tile(g, x + c * g->in_plane, x_group, dy, dy_group, groups, dw + c * K * K,
                        count, i, K, 1);
}

#define GRAD_W(K, IB)                                                                     \
    static void grad_w_##K(const struct kp_lane_conv *g, const float *x, int64_t x_group, \
                           const float *dy, int64_t dy_group, int64_t groups, float *dw,  \
                           int count)                                                     \
    {                                                                                     \
        grad_w_block(g, x, x_group, dy, dy_group, groups, dw, count, K, IB);              \
    }

GRAD_W(1, GRAD_IN_1)
GRAD_W(5, 1)

/* Sum of one plane in each of the groups. */
static float grad_b(const float *dy, int64_t dy_group, int64_t groups, int64_t pixels)
{
    double sum = 0.0;

    for (int64_t n = 0; n < groups; n++) {
        for (int e = 0; e < KP_LANES; e += KP_VEC) {
            const float *p = dy + n * dy_group + e;
            kp_vec a[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
            float s[4];
            int64_t q = 0;
            for (; q + 4 <= pixels; q += 4) {
                KP_UNROLL
                for (int i = 0; i < 4; i++)
                    a[i] = v_add(a[i], v_load(p + (q + i) * KP_LANES));
            }
            for (; q < pixels; q++)
                a[0] = v_add(a[0], v_load(p + q * KP_LANES));
            v_sum4(a[0], a[1], a[2], a[3], s);
            sum += ((double)s[0] + (double)s[1]) + ((double)s[2] + (double)s[3]);
        }
    }
    return (float)sum;
}

static void lane_conv_grad_w(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                             const float *dy, int64_t dy_group, int64_t groups, float *dw,
                             float *db)
{
    const int64_t weights = g->in_channels * g->k * g->k;
    int count;

    for (int64_t o = 0; o < g->out_channels; o += count) {
        const int64_t left = g->out_channels - o;
        const float *d = dy + o * g->out_plane;

        if (g->k == 3)
            count = left >= 5 && left != 8 ? 5 : left >= 4 ? 4 : 1;
        else
            count = left < GRAD_OUT ? (int)left : GRAD_OUT;
        for (int i = 0; db && i < count; i++)
            db[o + i] =
                grad_b(d + i * g->out_plane, dy_group, groups, g->out_size[0] * g->out_size[1]);
        if (g->k == 1)
            grad_w_1(g, x, x_group, d, dy_group, groups, dw + o * weights, count);
        else if (g->k == 3)
            grad_fast(g, x, x_group, d, dy_group, groups, dw + o * weights, count);
        else
            grad_w_5(g, x, x_group, d, dy_group, groups, dw + o * weights, count);
    }
}
