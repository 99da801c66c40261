/* lane_norm.inl - batch norm with what follows it, one LANE plane at a time.
 *
 *   u = (x - mean) scale + shift [+ r];  y = max over the window of (act ? max(u, 0) : u)
 *
 * The backward kernels compute u again from x with the same operations, so they find the same
 * largest element as the forward kernel. */

/* Lanes below n->lanes, for the part of a group that starts at lane e. */
KP_INLINE kp_mask norm_lanes(int lanes, int e)
{
    static const float number[KP_LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v_greater(v_set((float)lanes), v_load(number + e));
}

static double norm_sum(const float *s, int lanes)
{
    double sum = 0.0;
    for (int e = 0; e < lanes; e++)
        sum += (double)s[e];
    return sum;
}

/* About the mean: that of at most 64 pixels, spread over the plane. */
static float norm_guess(const float *x, int64_t pixels, int lanes)
{
    const int64_t step = pixels > 64 ? pixels / 64 : 1;
    float sum[KP_LANES];
    int64_t count = 0;

    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        kp_vec a = v_zero();
        count = 0;
        for (int64_t q = 0; q < pixels; q += step, count++)
            a = v_add(a, v_load(x + q * KP_LANES + e));
        v_store(sum + e, a);
    }
    return (float)(norm_sum(sum, lanes) / ((double)count * lanes));
}

/* One pass, from a value c near the mean: with d = x - c,
 * mean = c + sum(d) / n and sum((x - mean)^2) = sum(d^2) - sum(d)^2 / n. */
static void lane_plane_stats(const float *x, int64_t pixels, int lanes, double out[2])
{
    const float guess = norm_guess(x, pixels, lanes);
    const double count = (double)pixels * lanes;
    const kp_vec c = v_set(guess);
    float sum[KP_LANES], squares[KP_LANES];

    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        kp_vec a[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
        kp_vec b[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
        int64_t q = 0;
        for (; q + 4 <= pixels; q += 4) {
            KP_UNROLL
            for (int i = 0; i < 4; i++) {
                kp_vec d = v_sub(v_load(x + (q + i) * KP_LANES + e), c);
                a[i] = v_add(a[i], d);
                b[i] = v_fma(d, d, b[i]);
            }
        }
        for (; q < pixels; q++) {
            kp_vec d = v_sub(v_load(x + q * KP_LANES + e), c);
            a[0] = v_add(a[0], d);
            b[0] = v_fma(d, d, b[0]);
        }
        v_store(sum + e, v_add(v_add(a[0], a[1]), v_add(a[2], a[3])));
        v_store(squares + e, v_add(v_add(b[0], b[1]), v_add(b[2], b[3])));
    }
    const double total = norm_sum(sum, lanes);
    const double deviations = norm_sum(squares, lanes) - total * total / count;
    out[0] = (double)guess + total / count;
    /* not (deviations < 0): NaN stays NaN */
    out[1] = deviations < 0.0 ? 0.0 : deviations;
}

KP_INLINE kp_vec norm_u(const struct kp_lane_norm *n, kp_vec x, const float *r, int64_t at)
{
    kp_vec u = kp_norm_u(x, n->mean, n->scale, n->shift);
    return r ? v_add(u, v_load(r + at)) : u;
}

/* PH, PW: the window, constants where known. */
KP_INLINE void norm_forward(const struct kp_lane_norm *n, const float *x, const float *r, float *y,
                            const int64_t PH, const int64_t PW)
{
    const int64_t row = n->size[1] * KP_LANES;

    for (int64_t h = 0; h < n->pooled[0]; h++)
        for (int64_t w = 0; w < n->pooled[1]; w++)
            for (int e = 0; e < KP_LANES; e += KP_VEC) {
                const int64_t at = h * PH * row + w * PW * KP_LANES + e;
                kp_vec top = norm_u(n, v_load(x + at), r, at);
                for (int64_t i = 0; i < PH; i++)
                    for (int64_t j = i == 0; j < PW; j++) {
                        const int64_t q = at + i * row + j * KP_LANES;
                        kp_vec u = norm_u(n, v_load(x + q), r, q);
                        top = v_select(v_greater(u, top), u, top);
                    }
                v_store(y + (h * n->pooled[1] + w) * KP_LANES + e, n->act ? v_relu(top) : top);
            }
}

static void lane_norm(const struct kp_lane_norm *n, const float *x, const float *r, float *y)
{
    if (n->window[0] == 1 && n->window[1] == 1)
        r ? norm_forward(n, x, r, y, 1, 1) : norm_forward(n, x, NULL, y, 1, 1);
    else if (n->window[0] == 2 && n->window[1] == 2)
        r ? norm_forward(n, x, r, y, 2, 2) : norm_forward(n, x, NULL, y, 2, 2);
    else
        norm_forward(n, x, r, y, n->window[0], n->window[1]);
}

/* The window's first largest u: its number in the window, and x there. Returns dy where it counts.
 */
KP_INLINE kp_vec norm_window(const struct kp_lane_norm *n, const float *x, const float *r,
                             int64_t at, kp_vec dy, const int64_t PH, const int64_t PW,
                             kp_vec *number, kp_vec *x_top)
{
    const int64_t row = n->size[1] * KP_LANES;
    kp_vec v = v_load(x + at);
    kp_vec top = norm_u(n, v, r, at);

    *number = v_zero();
    *x_top = v;
    for (int64_t i = 0; i < PH; i++)
        for (int64_t j = i == 0; j < PW; j++) {
            const int64_t q = at + i * row + j * KP_LANES;
            v = v_load(x + q);
            kp_vec u = norm_u(n, v, r, q);
            kp_mask more = v_greater(u, top);
            top = v_select(more, u, top);
            *x_top = v_select(more, v, *x_top);
            *number = v_select(more, v_set((float)(i * PW + j)), *number);
        }
    return n->act ? kp_relu_dx(top, dy) : dy;
}

KP_INLINE void norm_sums(const struct kp_lane_norm *n, const float *x, const float *r,
                         const float *dy, double out[2], const int64_t PH, const int64_t PW)
{
    float sum[2][KP_LANES];

    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        kp_vec all = v_zero(), moment = v_zero();
        for (int64_t h = 0; h < n->pooled[0]; h++) {
            /* a sum per row first: fewer roundings of a large sum */
            kp_vec s = v_zero(), t = v_zero();
            for (int64_t w = 0; w < n->pooled[1]; w++) {
                const int64_t at = (h * PH * n->size[1] + w * PW) * KP_LANES + e;
                kp_vec d = v_load(dy + (h * n->pooled[1] + w) * KP_LANES + e);
                kp_vec number, top;
                d = norm_window(n, x, r, at, d, PH, PW, &number, &top);
                s = v_add(s, d);
                t = v_fma(d, v_sub(top, v_set(n->mean)), t);
            }
            all = v_add(all, s);
            moment = v_add(moment, t);
        }
        v_store(sum[0] + e, all);
        v_store(sum[1] + e, moment);
    }
    out[0] = norm_sum(sum[0], n->lanes);
    out[1] = norm_sum(sum[1], n->lanes);
}

static void lane_norm_grad_sums(const struct kp_lane_norm *n, const float *x, const float *r,
                                const float *dy, double out[2])
{
    if (n->window[0] == 1 && n->window[1] == 1)
        r ? norm_sums(n, x, r, dy, out, 1, 1) : norm_sums(n, x, NULL, dy, out, 1, 1);
    else if (n->window[0] == 2 && n->window[1] == 2)
        r ? norm_sums(n, x, r, dy, out, 2, 2) : norm_sums(n, x, NULL, dy, out, 2, 2);
    else
        norm_sums(n, x, r, dy, out, n->window[0], n->window[1]);
}

/* dx and dr at one element whose u has gradient g. */
KP_INLINE void norm_element(const struct kp_lane_norm *n, kp_mask lanes, kp_vec x, kp_vec g,
                            int64_t at, float *dx, float *dr)
{
    kp_vec d = kp_norm_dx(x, g, n->mean, n->scale, n->slope, n->offset);
    v_store(dx + at, v_keep(lanes, d));
    if (dr)
        v_store(dr + at, v_keep(lanes, g));
}

KP_INLINE void norm_backward(const struct kp_lane_norm *n, const float *x, const float *r,
                             const float *dy, float *dx, float *dr, const int64_t PH,
                             const int64_t PW)
{
    const int64_t row = n->size[1] * KP_LANES;

    for (int e = 0; e < KP_LANES; e += KP_VEC) {
        const kp_mask lanes = norm_lanes(n->lanes, e);
        for (int64_t h = 0; h < n->pooled[0]; h++)
            for (int64_t w = 0; w < n->pooled[1]; w++) {
                const int64_t at = h * PH * row + w * PW * KP_LANES + e;
                kp_vec d = v_load(dy + (h * n->pooled[1] + w) * KP_LANES + e);
                kp_vec number, top;
                d = norm_window(n, x, r, at, d, PH, PW, &number, &top);
                for (int64_t i = 0; i < PH; i++)
                    for (int64_t j = 0; j < PW; j++) {
                        const int64_t q = at + i * row + j * KP_LANES;
                        kp_vec g = d;
                        if (PH * PW > 1)
                            g = v_keep(v_equal(number, v_set((float)(i * PW + j))), d);
                        norm_element(n, lanes, v_load(x + q), g, q, dx, dr);
                    }
            }
        /* what no window covers */
        for (int64_t h = 0; h < n->size[0]; h++) {
            int64_t w = h < n->pooled[0] * PH ? n->pooled[1] * PW : 0;
            for (; w < n->size[1]; w++) {
                const int64_t q = h * row + w * KP_LANES + e;
                norm_element(n, lanes, v_load(x + q), v_zero(), q, dx, dr);
            }
        }
    }
}

static void lane_norm_grad(const struct kp_lane_norm *n, const float *x, const float *r,
                           const float *dy, float *dx, float *dr)
{
    const bool plain = !r && !dr;

    if (n->window[0] == 1 && n->window[1] == 1)
        plain ? norm_backward(n, x, NULL, dy, dx, NULL, 1, 1)
              : norm_backward(n, x, r, dy, dx, dr, 1, 1);
    else if (n->window[0] == 2 && n->window[1] == 2)
        plain ? norm_backward(n, x, NULL, dy, dx, NULL, 2, 2)
              : norm_backward(n, x, r, dy, dx, dr, 2, 2);
    else
        norm_backward(n, x, r, dy, dx, dr, n->window[0], n->window[1]);
}
