/* lane_grad_fast.inl - gradient of 3x3 weights on LANE planes, pixels in pairs along a row.
 *
 * Winograd's F(2, 3) turned round: for two neighbours d of dy and the four x under the window,
 *   a0 += d0 (x0 - x2)   a1 += (d0 + d1)(x1 + x2)   a2 += (d0 - d1)(x2 - x1)   a3 += d1 (x3 - x1)
 *   dw0 = a0 + (a1 + a2) / 2   dw1 = (a1 - a2) / 2   dw2 = a3 + (a1 + a2) / 2
 * which is 4 products in place of 6. A tile is OB output channels x one input channel x one row of
 * the window. Bands of rows keep dy in the first cache for the three rows of the window. */

#define FAST_BAND 20480 /* bytes of dy and x that a band may take */

/* Which of a pair's four columns of x, and whether its second pixel of dy, lie inside. */
struct grad_gates {
    kp_gate x[4], second;
};

static struct grad_gates grad_gates(const struct kp_lane_conv *g, int64_t p)
{
    const int64_t column = p - g->pad[1];
    struct grad_gates s = {.second = v_gate(p + 1 < g->out_size[1])};

    for (int j = 0; j < 4; j++)
        s.x[j] = v_gate(column + j >= 0 && column + j < g->in_size[1]);
    return s;
}

/* One pair; gates NULL: all inside. OB is a constant, so is whether there are gates. */
KP_INLINE void grad_pair(kp_vec a[5][4], const float *x, const float *dy, int64_t dy_plane,
                         const struct grad_gates *gates, const int OB)
{
    kp_vec v[4];

    KP_UNROLL
    for (int j = 0; j < 4; j++)
        v[j] = gates ? v_load_gated(gates->x[j], x + j * KP_LANES) : v_load(x + j * KP_LANES);
    KP_UNROLL
    for (int j = 1; j < 4; j++)
        KP_PIN(v[j]);
    const kp_vec x0 = v_sub(v[0], v[2]), x1 = v_add(v[1], v[2]);
    const kp_vec x2 = v_sub(v[2], v[1]), x3 = v_sub(v[3], v[1]);
    KP_UNROLL
    for (int o = 0; o < OB; o++) {
        const float *d = dy + o * dy_plane;
        kp_vec d0 = v_load(d);
        kp_vec d1 = gates ? v_load_gated(gates->second, d + KP_LANES) : v_load(d + KP_LANES);
        KP_PIN(d0);
        KP_PIN(d1);
        a[o][0] = v_fma(d0, x0, a[o][0]);
        a[o][1] = v_fma(v_add(d0, d1), x1, a[o][1]);
        a[o][2] = v_fma(v_sub(d0, d1), x2, a[o][2]);
        a[o][3] = v_fma(d1, x3, a[o][3]);
    }
}

/* Rows [h, h_end) of dy against row i of the window, added to sums [OB][4] vectors. */
KP_INLINE void grad_band(const struct kp_lane_conv *g, const float *x, const float *dy, int64_t h,
                         int64_t h_end, int64_t i, float *sums, const int OB)
{
    const int64_t width = g->in_size[1], out_width = g->out_size[1];
    const int64_t row0 = g->pad[0] - i, row1 = g->in_size[0] + g->pad[0] - i;
    /* the first pair reaches over the left border, pairs from `inside` on over the right one */
    const int64_t inside =
        (width + g->pad[1] - 3 < out_width - 1 ? width + g->pad[1] - 3 : out_width - 1);
    const struct grad_gates first = grad_gates(g, 0);
    const struct grad_gates last = grad_gates(g, (out_width - 1) / 2 * 2);
    kp_vec a[5][4];

    h = h < row0 ? row0 : h;
    h_end = h_end > row1 ? row1 : h_end;
    KP_UNROLL
    for (int o = 0; o < OB; o++) {
        KP_UNROLL
        for (int k = 0; k < 4; k++)
            a[o][k] = v_load(sums + (o * 4 + k) * KP_VEC);
    }
    for (; h < h_end; h++) {
        const float *xr = x + ((h + i - g->pad[0]) * width - g->pad[1]) * KP_LANES;
        const float *dr = dy + h * out_width * KP_LANES;
        int64_t p = 0;
        if (g->pad[1] > 0) {
            grad_pair(a, xr, dr, g->out_plane, &first, OB);
            p = 2;
        }
        for (; p < inside; p += 2)
            grad_pair(a, xr + p * KP_LANES, dr + p * KP_LANES, g->out_plane, NULL, OB);
        for (; p < out_width; p += 2) {
            const struct grad_gates *gates = &last;
            struct grad_gates other;
            if (p + 2 < out_width) {
                other = grad_gates(g, p);
                gates = &other;
            }
            grad_pair(a, xr + p * KP_LANES, dr + p * KP_LANES, g->out_plane, gates, OB);
        }
    }
    KP_UNROLL
    for (int o = 0; o < OB; o++) {
        KP_UNROLL
        for (int k = 0; k < 4; k++)
            v_store(sums + (o * 4 + k) * KP_VEC, a[o][k]);
    }
}

/* dw of OB output channels and one input channel; dw points to its first window, those of the next
 * output channel lie in_channels * 9 further. */
KP_INLINE void grad_windows(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                            const float *dy, int64_t dy_group, int64_t groups, float *dw,
                            const int OB)
{
    const int64_t row = g->out_size[1] * KP_LANES * (int64_t)sizeof(float);
    const int64_t fit = FAST_BAND / ((OB + 1) * row), band = fit < 1 ? 1 : fit;
    float total[3][5][4];

    memset(total, 0, sizeof(total));
    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        float sums[3][5][4][KP_VEC];
        memset(sums, 0, sizeof(sums));
        for (int64_t n = 0; n < groups; n++)
            for (int64_t h = 0; h < g->out_size[0]; h += band) {
                const int64_t end = h + band < g->out_size[0] ? h + band : g->out_size[0];
                for (int64_t i = 0; i < 3; i++)
                    grad_band(g, x + n * x_group + e, dy + n * dy_group + e, h, end, i,
                              sums[i][0][0], OB);
            }
        for (int i = 0; i < 3; i++)
            for (int o = 0; o < OB; o++) {
                float s[4];
                v_sum4(v_load(sums[i][o][0]), v_load(sums[i][o][1]), v_load(sums[i][o][2]),
                       v_load(sums[i][o][3]), s);
                for (int k = 0; k < 4; k++)
                    total[i][o][k] += s[k];
            }
    }
    for (int o = 0; o < OB; o++)
        for (int i = 0; i < 3; i++) {
            const float *a = total[i][o];
            float *w = dw + o * g->in_channels * 9 + i * 3;
            w[0] = a[0] + 0.5f * (a[1] + a[2]);
            w[1] = 0.5f * (a[1] - a[2]);
            w[2] = a[3] + 0.5f * (a[1] + a[2]);
        }
}

/* Output channels [0, count), count = 1, 4 or 5. */
static void grad_fast(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                      const float *dy, int64_t dy_group, int64_t groups, float *dw, int count)
{
    for (int64_t c = 0; c < g->in_channels; c++) {
        const float *xc = x + c * g->in_plane;
        if (count == 5)
            grad_windows(g, xc, x_group, dy, dy_group, groups, dw + c * 9, 5);
        else if (count == 4)
            grad_windows(g, xc, x_group, dy, dy_group, groups, dw + c * 9, 4);
        else
            grad_windows(g, xc, x_group, dy, dy_group, groups, dw + c * 9, 1);
    }
}
