/* lane_winograd_grad.inl - gradient of 3x3 weights on LANE planes, 2x2 pixels of dy at a time.
 *
 * The transpose of Winograd's F(2x2, 3x3): for each tile of dy and the 4x4 tile of x under it
 *   dU[o][c] += (A d A') * (B' x B)   element by element, then   dw = G' dU G
 * which is 16 products in place of 36. V = B' x B and D = A d A' of some tiles are laid out as rows
 * [16 elements][channel][tiles][16 examples]; an element of dU is the product of two such rows.
 * With A = [1 0; 1 1; 1 -1; 0 1] in place of its last row's -1, dU's elements of index 3 have the
 * wrong sign in that direction, which the end puts right. */

#define GRAD_ROWS 4        /* output channels of a block of products */
#define GRAD_SET  KP_LANES /* output channels whose dU are worked on together */

/* D of the tile of one channel whose first pixel is (h, w), its elements `stride` floats apart. */
KP_INLINE void grad_output(const struct kp_lane_conv *g, const float *dy, int64_t h, int64_t w,
                           float *to, int64_t stride)
{
    const float *row = dy + (h * g->out_size[1] + w) * KP_LANES;
    const bool right = w + 1 < g->out_size[1], below = h + 1 < g->out_size[0];
    const float *next = row + (below ? g->out_size[1] * KP_LANES : 0);
    const kp_vec d00 = v_load(row), d01 = v_load_gated(v_gate(right), row + KP_LANES);
    const kp_vec d10 = v_load_gated(v_gate(below), next);
    const kp_vec d11 = v_load_gated(v_gate(below && right), next + KP_LANES);
    const kp_vec r[4][2] = {
        {d00, d01},
        {v_add(d00, d10), v_add(d01, d11)},
        {v_sub(d00, d10), v_sub(d01, d11)},
        {d10, d11},
    };

    KP_UNROLL
    for (int i = 0; i < 4; i++) {
        v_store(to + (4 * i) * stride, r[i][0]);
        v_store(to + (4 * i + 1) * stride, v_add(r[i][0], r[i][1]));
        v_store(to + (4 * i + 2) * stride, v_sub(r[i][0], r[i][1]));
        v_store(to + (4 * i + 3) * stride, r[i][1]);
    }
}

/* u [CB][GRAD_SET] += the products of CB rows v and GRAD_ROWS rows d of `length` floats. */
KP_INLINE void grad_products(const float *v, const float *d, int64_t length, float *u, const int CB)
{
    kp_vec a[3][GRAD_ROWS];

    KP_UNROLL
    for (int c = 0; c < CB; c++) {
        KP_UNROLL
        for (int o = 0; o < GRAD_ROWS; o++)
            a[c][o] = v_zero();
    }
    for (int64_t i = 0; i < length; i += KP_VEC) {
        kp_vec x[3];
        KP_UNROLL
        for (int c = 0; c < CB; c++) {
            x[c] = v_load(v + c * length + i);
            KP_PIN(x[c]);
        }
        KP_UNROLL
        for (int o = 0; o < GRAD_ROWS; o++) {
            kp_vec b = v_load(d + o * length + i);
            KP_PIN(b);
            KP_UNROLL
            for (int c = 0; c < CB; c++)
                a[c][o] = v_fma(x[c], b, a[c][o]);
        }
    }
    KP_UNROLL
    for (int c = 0; c < CB; c++) {
        float s[GRAD_ROWS];
        v_sum4(a[c][0], a[c][1], a[c][2], a[c][3], s);
        for (int o = 0; o < GRAD_ROWS; o++)
            u[c * GRAD_SET + o] += s[o];
    }
}

/* One element of dU [C][GRAD_SET]: v [C][length], d [count][length], count rounded up to a multiple
 * of GRAD_ROWS. */
static __attribute__((noinline)) void grad_element(const float *v, const float *d, int64_t channels,
                                                   int64_t count, int64_t length, float *u)
{
    for (int64_t o = 0; o < count; o += GRAD_ROWS) {
        const float *row = d + o * length;
        int64_t c = 0;
        /* 4 and 2 channels are left rather than 1: one alone would wait for its sums */
        for (; channels - c >= 3 && channels - c != 4; c += 3)
            grad_products(v + c * length, row, length, u + c * GRAD_SET + o, 3);
        for (; channels - c >= 2; c += 2)
            grad_products(v + c * length, row, length, u + c * GRAD_SET + o, 2);
        if (c < channels)
            grad_products(v + c * length, row, length, u + c * GRAD_SET + o, 1);
    }
}

/* dw of one input channel and KP_VEC output channels from u, the elements `stride` floats apart. */
KP_INLINE void grad_window(const float *u, int64_t stride, float w[9][KP_VEC])
{
    const kp_vec half = v_set(0.5f);
    kp_vec r[3][4];

    KP_UNROLL
    for (int j = 0; j < 4; j++) {
        const kp_vec u0 = v_load(u + j * stride), u1 = v_load(u + (4 + j) * stride);
        const kp_vec u2 = v_load(u + (8 + j) * stride), u3 = v_load(u + (12 + j) * stride);
        const kp_vec both = v_mul(half, v_add(u1, u2));
        r[0][j] = v_add(u0, both);
        r[1][j] = v_mul(half, v_sub(u1, u2));
        r[2][j] = v_sub(both, u3);
    }
    KP_UNROLL
    for (int i = 0; i < 3; i++) {
        const kp_vec both = v_mul(half, v_add(r[i][1], r[i][2]));
        v_store(w[3 * i], v_add(r[i][0], both));
        v_store(w[3 * i + 1], v_mul(half, v_sub(r[i][1], r[i][2])));
        v_store(w[3 * i + 2], v_sub(both, r[i][3]));
    }
}

/* dw [count][C][9] = G' dU G of the output channels of a set; u [16][C][GRAD_SET]. */
static void grad_finish(const float *u, int64_t channels, int64_t count, float *dw)
{
    for (int64_t c = 0; c < channels; c++)
        for (int64_t o = 0; o < count; o += KP_VEC) {
            float w[9][KP_VEC];
            grad_window(u + c * GRAD_SET + o, channels * GRAD_SET, w);
            for (int64_t n = 0; n < KP_VEC && o + n < count; n++)
                for (int k = 0; k < 9; k++)
                    dw[((o + n) * channels + c) * 9 + k] = w[k][n];
        }
}

/* V and D of tiles [tile, tile + count), counted through all groups. */
static void grad_transform(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                           const float *dy, int64_t dy_group, int64_t tile, int64_t count, float *v,
                           float *d)
{
    const int64_t columns = (g->out_size[1] + 1) / 2, all = columns * ((g->out_size[0] + 1) / 2);
    const int64_t length = count * KP_LANES, rows = KP_GRAD_ROUND(g->out_channels);

    for (int64_t t = 0; t < count; t++) {
        const int64_t n = (tile + t) % all, group = (tile + t) / all;
        const int64_t h = 2 * (n / columns), w = 2 * (n % columns);
        wino_tile(g, x + group * x_group, h - g->pad[0], w - g->pad[1], v + t * KP_LANES, length,
                  KP_GRAD_STRIDE(g->in_channels, length));
        for (int64_t o = 0; o < g->out_channels; o++)
            for (int e = 0; e < KP_LANES; e += KP_VEC)
                grad_output(g, dy + group * dy_group + o * g->out_plane + e, h, w,
                            d + o * length + t * KP_LANES + e, KP_GRAD_STRIDE(rows, length));
    }
}

static void lane_conv_grad_fast(const struct kp_lane_conv *g, const float *x, int64_t x_group,
                                const float *dy, int64_t dy_group, int64_t groups, float *dw,
                                float *db, float *work)
{
    const int64_t channels = g->in_channels, rows = KP_GRAD_ROUND(g->out_channels);
    const int64_t all = groups * ((g->out_size[0] + 1) / 2) * ((g->out_size[1] + 1) / 2);
    const int64_t some = kp_grad_tiles(channels, g->out_channels);
    const int64_t set = 16 * channels * GRAD_SET, kept = all > some ? set : 0;
    float *v = work + KP_GRAD_SUMS(channels, g->out_channels);
    float *d = v + 16 * KP_GRAD_STRIDE(channels, some * KP_LANES);

    for (int64_t tile = 0; tile < all; tile += some) {
        const int64_t count = all - tile < some ? all - tile : some, length = count * KP_LANES;
        grad_transform(g, x, x_group, dy, dy_group, tile, count, v, d);
        for (int64_t o = 0; o < g->out_channels; o += GRAD_SET) {
            const int64_t left = g->out_channels - o, here = left < GRAD_SET ? left : GRAD_SET;
            float *u = work + o / GRAD_SET * kept;
            if (tile == 0)
                memset(u, 0, (size_t)set * sizeof(*u));
            for (int k = 0; k < 16; k++)
                grad_element(v + k * KP_GRAD_STRIDE(channels, length),
                             d + k * KP_GRAD_STRIDE(rows, length) + o * length, channels, here,
                             length, u + k * channels * GRAD_SET);
            if (tile + some >= all)
                grad_finish(u, channels, here, dw + o * channels * 9);
        }
    }
    for (int64_t o = 0; db && o < g->out_channels; o++)
        db[o] = grad_b(dy + o * g->out_plane, dy_group, groups, g->out_size[0] * g->out_size[1]);
}
