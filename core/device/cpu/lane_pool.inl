/* lane_pool.inl - pooling with any window over LANE planes. */

/* The part of window number h along dimension d that lies inside: [from, to). */
KP_INLINE void pool_span(const struct kp_lane_pool *p, int d, int64_t h, int64_t *from, int64_t *to)
{
    const int64_t start = h * p->stride[d] - p->pad[d];
    *from = start < 0 ? 0 : start;
    *to = start + p->size[d] < p->in_size[d] ? start + p->size[d] : p->in_size[d];
}

/* Largest element of rows [h0, h1) and columns [w0, w1); where = its pixel number less that of the
 * window's first element, the first largest in row-major order. */
KP_INLINE kp_vec pool_top(const float *x, int64_t width, int64_t h0, int64_t h1, int64_t w0,
                          int64_t w1, kp_vec *where)
{
    kp_vec top = v_load(x + (h0 * width + w0) * KP_LANES);

    *where = v_zero();
    for (int64_t h = h0; h < h1; h++)
        for (int64_t w = w0; w < w1; w++) {
            kp_vec v = v_load(x + (h * width + w) * KP_LANES);
            kp_mask more = v_greater(v, top);
            top = v_select(more, v, top);
            *where = v_select(more, v_set((float)((h - h0) * (w1 - w0) + w - w0)), *where);
        }
    return top;
}

static void lane_max_pool(const struct kp_lane_pool *p, const float *x, float *y)
{
    int64_t h0, h1, w0, w1;

    for (int64_t h = 0; h < p->out_size[0]; h++)
        for (int64_t w = 0; w < p->out_size[1]; w++)
            for (int e = 0; e < KP_LANES; e += KP_VEC) {
                kp_vec where;
                pool_span(p, 0, h, &h0, &h1);
                pool_span(p, 1, w, &w0, &w1);
                v_store(y + (h * p->out_size[1] + w) * KP_LANES + e,
                        pool_top(x + e, p->in_size[1], h0, h1, w0, w1, &where));
            }
}

static void lane_max_pool_grad(const struct kp_lane_pool *p, const float *x, const float *dy,
                               float *dx)
{
    int64_t h0, h1, w0, w1;

    memset(dx, 0, (size_t)(p->in_size[0] * p->in_size[1]) * KP_LANES * sizeof(float));
    for (int64_t h = 0; h < p->out_size[0]; h++)
        for (int64_t w = 0; w < p->out_size[1]; w++)
            for (int e = 0; e < KP_LANES; e += KP_VEC) {
                const kp_vec d = v_load(dy + (h * p->out_size[1] + w) * KP_LANES + e);
                kp_vec where;
                pool_span(p, 0, h, &h0, &h1);
                pool_span(p, 1, w, &w0, &w1);
                (void)pool_top(x + e, p->in_size[1], h0, h1, w0, w1, &where);
                for (int64_t i = h0; i < h1; i++)
                    for (int64_t j = w0; j < w1; j++) {
                        float *q = dx + (i * p->in_size[1] + j) * KP_LANES + e;
                        const float number = (float)((i - h0) * (w1 - w0) + j - w0);
                        kp_mask here = v_equal(where, v_set(number));
                        v_store(q, v_add(v_load(q), v_keep(here, d)));
                    }
            }
}

static void lane_avg_pool(const struct kp_lane_pool *p, const float *x, float *y)
{
    const kp_vec share = v_set(1.0f / (float)(p->size[0] * p->size[1]));
    int64_t h0, h1, w0, w1;

    for (int64_t h = 0; h < p->out_size[0]; h++)
        for (int64_t w = 0; w < p->out_size[1]; w++)
            for (int e = 0; e < KP_LANES; e += KP_VEC) {
                kp_vec sum = v_zero();
                pool_span(p, 0, h, &h0, &h1);
                pool_span(p, 1, w, &w0, &w1);
                for (int64_t i = h0; i < h1; i++)
                    for (int64_t j = w0; j < w1; j++)
                        sum = v_add(sum, v_load(x + (i * p->in_size[1] + j) * KP_LANES + e));
                v_store(y + (h * p->out_size[1] + w) * KP_LANES + e, v_mul(sum, share));
            }
}

static void lane_avg_pool_grad(const struct kp_lane_pool *p, const float *dy, float *dx)
{
    const kp_vec share = v_set(1.0f / (float)(p->size[0] * p->size[1]));
    int64_t h0, h1, w0, w1;

    memset(dx, 0, (size_t)(p->in_size[0] * p->in_size[1]) * KP_LANES * sizeof(float));
    for (int64_t h = 0; h < p->out_size[0]; h++)
        for (int64_t w = 0; w < p->out_size[1]; w++)
            for (int e = 0; e < KP_LANES; e += KP_VEC) {
                kp_vec d = v_mul(v_load(dy + (h * p->out_size[1] + w) * KP_LANES + e), share);
                pool_span(p, 0, h, &h0, &h1);
                pool_span(p, 1, w, &w0, &w1);
                for (int64_t i = h0; i < h1; i++)
                    for (int64_t j = w0; j < w1; j++) {
                        float *q = dx + (i * p->in_size[1] + j) * KP_LANES + e;
                        v_store(q, v_add(v_load(q), d));
                    }
            }
}
