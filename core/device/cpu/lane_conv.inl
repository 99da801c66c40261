/* lane_conv.inl - convolution on LANE planes, forward and (with turned weights) backward to x.
 *
 *   y[o][h][p] = bias[o] + sum over c, i, j of w[o][c][i][j] x[c][h + i - pad][p + j - pad]
 *
 * A tile is OB output channels x PB pixels x KP_VEC examples, all in registers. There is no border
 * around the planes: rows outside are skipped, columns outside are gated loads that give zero. */

#if KP_VEC == 16
#define CONV_PIXELS 4
#else
#define CONV_PIXELS 2
#endif

/* K, OB, PB and edge are constants at every call. */
KP_INLINE void conv_tile(const struct kp_lane_conv *g, const float *x, const float *w,
                         const float *bias, float *y, int64_t y_plane, int count, int64_t h,
                         int64_t p, bool relu, const int K, const int OB, const int PB,
                         const bool edge)
{
    kp_vec a[6][CONV_PIXELS];
    kp_gate open[CONV_PIXELS + 4];
    const int64_t width = g->in_size[1], left = p - g->pad[1];
    const int64_t above = h - g->pad[0];
    const int64_t i0 = above < 0 ? -above : 0;
    const int64_t i1 = above + K > g->in_size[0] ? g->in_size[0] - above : K;

    KP_UNROLL
    for (int o = 0; o < OB; o++) {
        kp_vec b = bias && o < count ? v_set(bias[o]) : v_zero();
        KP_UNROLL
        for (int q = 0; q < PB; q++)
            a[o][q] = b;
    }
    if (edge) {
        KP_UNROLL
        for (int q = 0; q < PB + K - 1; q++)
            open[q] = v_gate(left + q >= 0 && left + q < width);
    }
    for (int64_t c = 0; c < g->in_channels; c++) {
        const float *plane = x + c * g->in_plane;
        for (int64_t i = i0; i < i1; i++) {
            const float *row = plane + ((above + i) * width + left) * KP_LANES;
            const float *wk = w + (c * K + i) * K * OB;
            kp_vec v[CONV_PIXELS + 4];
            KP_UNROLL
            for (int q = 0; q < PB + K - 1; q++)
                v[q] =
                    edge ? v_load_gated(open[q], row + KP_LANES * q) : v_load(row + KP_LANES * q);
            KP_UNROLL
            for (int j = 0; j < K; j++) {
                KP_UNROLL
                for (int o = 0; o < OB; o++) {
                    kp_vec b = v_set(wk[j * OB + o]);
                    KP_UNROLL
                    for (int q = 0; q < PB; q++)
                        a[o][q] = v_fma(b, v[q + j], a[o][q]);
                }
            }
        }
    }
    KP_UNROLL
    for (int o = 0; o < OB; o++) {
        if (o < count) {
            KP_UNROLL
            for (int q = 0; q < PB; q++)
                v_store(y + o * y_plane + KP_LANES * q, relu ? v_relu(a[o][q]) : a[o][q]);
        }
    }
}

KP_INLINE void conv_rows(const struct kp_lane_conv *g, const float *x, const float *w,
                         const float *bias, float *y, int64_t y_plane, int count, int64_t row,
                         int64_t row_end, bool relu, const int K, const int OB)
{
    const int PB = CONV_PIXELS;
    const int64_t width = g->out_size[1];

    for (int64_t h = row; h < row_end; h++) {
        float *yr = y + (h - row) * width * KP_LANES;
        int64_t p = 0;
        for (; p + PB <= width; p += PB) {
            const int64_t left = p - g->pad[1];
            const bool inside = left >= 0 && left + PB + K - 1 <= g->in_size[1];
            for (int e = 0; e < KP_LANES; e += KP_VEC) {
                float *t = yr + p * KP_LANES + e;
                if (inside)
                    conv_tile(g, x + e, w, bias, t, y_plane, count, h, p, relu, K, OB, PB, false);
                else
                    conv_tile(g, x + e, w, bias, t, y_plane, count, h, p, relu, K, OB, PB, true);
            }
        }
        for (int e = 0; e < KP_LANES && p < width; e += KP_VEC) {
            float *t = yr + p * KP_LANES + e;
            if (width - p == 1)
                conv_tile(g, x + e, w, bias, t, y_plane, count, h, p, relu, K, OB, 1, true);
#if CONV_PIXELS == 4
            else if (width - p == 2)
                conv_tile(g, x + e, w, bias, t, y_plane, count, h, p, relu, K, OB, 2, true);
            else
                conv_tile(g, x + e, w, bias, t, y_plane, count, h, p, relu, K, OB, 3, true);
#endif
        }
    }
}

#define CONV_ROWS(K, OB)                                                                           \
    static void conv_rows_##K##_##OB(const struct kp_lane_conv *g, const float *x, const float *w, \
                                     const float *bias, float *y, int64_t y_plane, int count,      \
                                     int64_t row, int64_t row_end, bool relu)                      \
    {                                                                                              \
        conv_rows(g, x, w, bias, y, y_plane, count, row, row_end, relu, K, OB);                    \
    }

CONV_ROWS(1, 4)
CONV_ROWS(1, 5)
CONV_ROWS(1, 6)
CONV_ROWS(3, 4)
CONV_ROWS(3, 5)
CONV_ROWS(3, 6)
CONV_ROWS(5, 4)
CONV_ROWS(5, 5)
CONV_ROWS(5, 6)

static void lane_conv(const struct kp_lane_conv *g, const float *x, const float *w,
                      const float *bias, float *y, int64_t y_plane, int count, int64_t row,
                      int64_t row_end, bool relu)
{
    typedef void rows_fn(const struct kp_lane_conv *, const float *, const float *, const float *,
                         float *, int64_t, int, int64_t, int64_t, bool);
    static rows_fn *const table[3][3] = {
        {conv_rows_1_4, conv_rows_1_5, conv_rows_1_6},
        {conv_rows_3_4, conv_rows_3_5, conv_rows_3_6},
        {conv_rows_5_4, conv_rows_5_5, conv_rows_5_6},
    };

    table[g->k / 2][g->block - 4](g, x, w, bias, y, y_plane, count, row, row_end, relu);
}
