/* lane_winograd.inl - 3x3 convolution on LANE planes by Winograd's F(2x2, 3x3).
 *
 * Four outputs cost 16 products a channel in place of 36 (Lavin and Gray 2016):
 *   y = A' [sum over c of U[o][c] * V[c]] A,   V = B' x B for each 4x4 tile of x,   U = G w G'
 * with products element by element. Coefficients are 0, 1, 1/2: the rounding stays that of a direct
 * sum. Four tiles are worked on together; their V of all channels stays in cache. */

#define WINO_TILES 4

/* Products of one of the 16 elements: m [OB][4 tiles][16] = sum over c of u [C][OB] v [C][4][16].
 */
KP_INLINE void wino_products(const float *u, const float *v, float *m, int64_t channels,
                             const int OB)
{
    for (int e = 0; e < KP_LANES; e += KP_VEC)
        for (int t = 0; t < WINO_TILES; t += CONV_PIXELS) {
            kp_vec a[6][CONV_PIXELS];
            const float *vt = v + t * KP_LANES + e;
            KP_UNROLL
            for (int o = 0; o < OB; o++) {
                KP_UNROLL
                for (int q = 0; q < CONV_PIXELS; q++)
                    a[o][q] = v_zero();
            }
            for (int64_t c = 0; c < channels; c++) {
                kp_vec x[CONV_PIXELS];
                KP_UNROLL
                for (int q = 0; q < CONV_PIXELS; q++)
                    x[q] = v_load(vt + (c * WINO_TILES + q) * KP_LANES);
                KP_UNROLL
                for (int o = 0; o < OB; o++) {
                    kp_vec b = v_set(u[c * OB + o]);
                    KP_UNROLL
                    for (int q = 0; q < CONV_PIXELS; q++)
                        a[o][q] = v_fma(b, x[q], a[o][q]);
                }
            }
            KP_UNROLL
            for (int o = 0; o < OB; o++) {
                KP_UNROLL
                for (int q = 0; q < CONV_PIXELS; q++)
                    v_store(m + (o * WINO_TILES + t + q) * KP_LANES + e, a[o][q]);
            }
        }
}

static void wino_products_4(const float *u, const float *v, float *m, int64_t channels)
{
    wino_products(u, v, m, channels, 4);
}

static void wino_products_5(const float *u, const float *v, float *m, int64_t channels)
{
    wino_products(u, v, m, channels, 5);
}

static void wino_products_6(const float *u, const float *v, float *m, int64_t channels)
{
    wino_products(u, v, m, channels, 6);
}

/* V of one tile and channel, its 16 elements `stride` floats apart. x: the plane, (h, w) the tile's
 * first pixel, which may lie outside. */
KP_INLINE void wino_input(const struct kp_lane_conv *g, const float *x, int64_t h, int64_t w,
                          float *v, int64_t stride, const bool edge)
{
    kp_vec d[4][4], r[4][4];

    KP_UNROLL
    for (int i = 0; i < 4; i++) {
        const float *row = x + ((h + i) * g->in_size[1] + w) * KP_LANES;
        const bool in = h + i >= 0 && h + i < g->in_size[0];
        KP_UNROLL
        for (int j = 0; j < 4; j++)
            d[i][j] = edge ? v_load_gated(v_gate(in && w + j >= 0 && w + j < g->in_size[1]),
                                          row + j * KP_LANES)
                           : v_load(row + j * KP_LANES);
    }
    KP_UNROLL
    for (int j = 0; j < 4; j++) {
        r[0][j] = v_sub(d[0][j], d[2][j]);
        r[1][j] = v_add(d[1][j], d[2][j]);
        r[2][j] = v_sub(d[2][j], d[1][j]);
        r[3][j] = v_sub(d[1][j], d[3][j]);
    }
    KP_UNROLL
    for (int i = 0; i < 4; i++) {
        v_store(v + (4 * i) * stride, v_sub(r[i][0], r[i][2]));
        v_store(v + (4 * i + 1) * stride, v_add(r[i][1], r[i][2]));
        v_store(v + (4 * i + 2) * stride, v_sub(r[i][2], r[i][1]));
        v_store(v + (4 * i + 3) * stride, v_sub(r[i][1], r[i][3]));
    }
}

/* The four outputs of one tile: m, its 16 elements `stride` floats apart. */
KP_INLINE void wino_output(const float *m, int64_t stride, float bias, bool relu, kp_vec y[2][2])
{
    const kp_vec b = v_set(bias);
    kp_vec s[2][4];

    KP_UNROLL
    for (int j = 0; j < 4; j++) {
        const kp_vec m0 = v_load(m + j * stride), m1 = v_load(m + (4 + j) * stride);
        const kp_vec m2 = v_load(m + (8 + j) * stride), m3 = v_load(m + (12 + j) * stride);
        s[0][j] = v_add(m0, v_add(m1, m2));
        s[1][j] = v_sub(v_sub(m1, m2), m3);
    }
    KP_UNROLL
    for (int i = 0; i < 2; i++) {
        y[i][0] = v_add(v_add(s[i][0], v_add(s[i][1], s[i][2])), b);
        y[i][1] = v_add(v_sub(v_sub(s[i][1], s[i][2]), s[i][3]), b);
        if (relu) {
            y[i][0] = v_relu(y[i][0]);
            y[i][1] = v_relu(y[i][1]);
        }
    }
}

/* Writes tile (i, j) of one channel: all of it that lies inside y, or its largest if pooled. */
KP_INLINE void wino_store(const struct kp_lane_conv *g, kp_vec y[2][2], float *plane, int64_t i,
                          int64_t j, int64_t columns, bool pooled)
{
    if (pooled) {
        kp_vec top = y[0][0];
        top = v_select(v_greater(y[0][1], top), y[0][1], top);
        top = v_select(v_greater(y[1][0], top), y[1][0], top);
        top = v_select(v_greater(y[1][1], top), y[1][1], top);
        v_store(plane + (i * columns + j) * KP_LANES, top);
        return;
    }
    float *to = plane + (2 * i * g->out_size[1] + 2 * j) * KP_LANES;
    const bool right = 2 * j + 1 < g->out_size[1];
    v_store(to, y[0][0]);
    if (right)
        v_store(to + KP_LANES, y[0][1]);
    if (2 * i + 1 < g->out_size[0]) {
        to += g->out_size[1] * KP_LANES;
        v_store(to, y[1][0]);
        if (right)
            v_store(to + KP_LANES, y[1][1]);
    }
}

/* V of the tile whose first pixel is (h, w), of all channels: that of channel c begins at
 * v[c * step], its elements are `stride` floats apart. */
static void wino_tile(const struct kp_lane_conv *g, const float *x, int64_t h, int64_t w, float *v,
                      int64_t step, int64_t stride)
{
    const bool inside = h >= 0 && h + 4 <= g->in_size[0] && w >= 0 && w + 4 <= g->in_size[1];

    for (int64_t c = 0; c < g->in_channels; c++)
        for (int e = 0; e < KP_LANES; e += KP_VEC) {
            const float *plane = x + c * g->in_plane + e;
            if (inside)
                wino_input(g, plane, h, w, v + c * step + e, stride, false);
            else
                wino_input(g, plane, h, w, v + c * step + e, stride, true);
        }
}

/* V of tiles [tile, tile + count) of all channels: v [16][C][4][16], `stride` floats an element. */
static void wino_inputs(const struct kp_lane_conv *g, const float *x, int64_t columns, int64_t tile,
                        int count, float *v, int64_t stride)
{
    for (int t = 0; t < WINO_TILES; t++) {
        /* missing tiles repeat the last one; their products are not used */
        const int64_t n = tile + (t < count ? t : count - 1);
        wino_tile(g, x, 2 * (n / columns) - g->pad[0], 2 * (n % columns) - g->pad[1],
                  v + t * KP_LANES, WINO_TILES * KP_LANES, stride);
    }
}

/* Running statistics of one channel: with d = y - center, sums of d and d^2 in each lane. */
struct wino_stats {
    float center, sum[KP_LANES], squares[KP_LANES];
};

/* About the channel's mean: that of its first tile. */
static float wino_center(const float *m, int64_t stride, float bias, int lanes)
{
    float sum[KP_LANES];

    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        kp_vec y[2][2];
        wino_output(m + e, stride, bias, false, y);
        v_store(sum + e, v_add(v_add(y[0][0], y[0][1]), v_add(y[1][0], y[1][1])));
    }
    return (float)(norm_sum(sum, lanes) / (4.0 * lanes));
}

/* Adds the outputs of tile (i, j) that lie inside. */
KP_INLINE void wino_count(const struct kp_lane_conv *g, kp_vec y[2][2], int64_t i, int64_t j,
                          kp_vec center, kp_vec *sum, kp_vec *squares)
{
    KP_UNROLL
    for (int r = 0; r < 2; r++) {
        KP_UNROLL
        for (int c = 0; c < 2; c++)
            if (2 * i + r < g->out_size[0] && 2 * j + c < g->out_size[1]) {
                const kp_vec d = v_sub(y[r][c], center);
                *sum = v_add(*sum, d);
                *squares = v_fma(d, d, *squares);
            }
    }
}

/* Tiles [tile, tile + count) of one channel, from m [16][block][4][16] at that channel. */
static void wino_outputs(const struct kp_lane_conv *g, const struct kp_lane_fast *f, const float *m,
                         int64_t m_stride, float bias, float *plane, int64_t tile, int count,
                         struct wino_stats *stats)
{
    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        kp_vec center = v_zero(), sum = v_zero(), squares = v_zero();
        if (stats) {
            center = v_set(stats->center);
            sum = v_load(stats->sum + e);
            squares = v_load(stats->squares + e);
        }
        for (int t = 0; t < count; t++) {
            const int64_t i = (tile + t) / f->tiles[1], j = (tile + t) % f->tiles[1];
            kp_vec y[2][2];
            wino_output(m + t * KP_LANES + e, m_stride, bias, f->relu, y);
            wino_store(g, y, plane + e, i, j, f->tiles[1], f->pooled);
            if (stats)
                wino_count(g, y, i, j, center, &sum, &squares);
        }
        if (stats) {
            v_store(stats->sum + e, sum);
            v_store(stats->squares + e, squares);
        }
    }
}

/* out[0] = mean, out[1] = sum of squared deviations */
static void wino_finish(const struct kp_lane_conv *g, const struct wino_stats *s, int lanes,
                        double out[2])
{
    const double count = (double)(g->out_size[0] * g->out_size[1]) * lanes;
    const double total = norm_sum(s->sum, lanes);
    const double deviations = norm_sum(s->squares, lanes) - total * total / count;

    out[0] = (double)s->center + total / count;
    out[1] = deviations < 0.0 ? 0.0 : deviations;
}

static void lane_conv_fast(const struct kp_lane_conv *g, const struct kp_lane_fast *f,
                           const float *x, const float *u, const float *bias, float *y,
                           int64_t y_plane, float *work)
{
    static void (*const products[])(const float *, const float *, float *,
                                    int64_t) = {wino_products_4, wino_products_5, wino_products_6};
    const int64_t all = f->tiles[0] * f->tiles[1], block = g->block;
    const int64_t v_stride = KP_WINO_STRIDE(g->in_channels);
    const int64_t m_stride = block * WINO_TILES * KP_LANES;
    float *v = work, *m = work + 16 * v_stride;
    struct wino_stats *stats = (struct wino_stats *)(void *)(m + 16 * m_stride);

    if (f->stats)
        memset(stats, 0, (size_t)g->out_channels * sizeof(*stats));
    for (int64_t tile = 0; tile < all; tile += WINO_TILES) {
        const int count = all - tile < WINO_TILES ? (int)(all - tile) : WINO_TILES;
        wino_inputs(g, x, f->tiles[1], tile, count, v, v_stride);
        for (int64_t o = 0; o < g->out_channels; o += block) {
            const float *uo = u + o * 16 * g->in_channels;
            for (int k = 0; k < 16; k++)
                products[block - 4](uo + k * g->in_channels * block, v + k * v_stride,
                                    m + k * m_stride, g->in_channels);
            for (int64_t c = o; c < o + block && c < g->out_channels; c++) {
                const float *mc = m + (c - o) * WINO_TILES * KP_LANES;
                const float b = bias ? bias[c] : 0.0f;
                if (f->stats && tile == 0)
                    stats[c].center = wino_center(mc, m_stride, b, f->lanes);
                wino_outputs(g, f, mc, m_stride, b, y + c * y_plane, tile, count,
                             f->stats ? &stats[c] : NULL);
            }
        }
    }
    for (int64_t c = 0; f->stats && c < g->out_channels; c++)
        wino_finish(g, &stats[c], f->lanes, f->stats + 2 * c);
}
