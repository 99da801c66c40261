/* lane_layer_norm.inl - one row of a layer norm, k numbers next to each other. */

KP_INLINE void squares_pass(const float *x, float m, kp_vec *sum, int64_t i, int64_t count)
{
    const kp_vec d = v_sub(row_load(x + i, count, m), v_set(m));

    *sum = v_fma(d, d, *sum);
}

KP_INLINE void layer_norm_pass(const float *x, float m, float s, const float *gamma,
                               const float *beta, float *y, int64_t i, int64_t count)
{
    const kp_vec h = kp_layer_norm_h(row_load(x + i, count, 0.0f), m, s);
    const kp_vec by = row_load(gamma + i, count, 0.0f);

    row_store(y + i, count, kp_layer_norm_y(h, by, row_load(beta + i, count, 0.0f)));
}

/* y = (x - m) s gamma + beta; out[0] = m, out[1] = s = 1 / sqrt(v + eps), in two passes */
static void lane_layer_norm(int64_t k, float eps, const float *x, const float *gamma,
                            const float *beta, float *y, float out[2])
{
    const float m = (float)row_sum(k, x) / (float)k;
    kp_vec squares = v_zero();

    ROW_PASS(k, squares_pass, x, m, &squares);
    const float s = 1.0f / sqrtf(v_sum(squares) / (float)k + eps);
    ROW_PASS(k, layer_norm_pass, x, m, s, gamma, beta, y);
    out[0] = m;
    out[1] = s;
}

/* A row backward; h and u as in lane_layer_norm_grad(). */
struct layer_norm_row {
    const float *x, *gamma, *dy;
    float m, s;
};

KP_INLINE kp_vec layer_norm_h(struct layer_norm_row r, int64_t i, int64_t count)
{
    return kp_layer_norm_h(row_load(r.x + i, count, 0.0f), r.m, r.s);
}

KP_INLINE kp_vec layer_norm_u(struct layer_norm_row r, int64_t i, int64_t count)
{
    return v_mul(row_load(r.dy + i, count, 0.0f), row_load(r.gamma + i, count, 0.0f));
}

KP_INLINE void layer_norm_sums_pass(struct layer_norm_row r, kp_vec *u_sum, kp_vec *uh_sum,
                                    float *dgamma, float *dbeta, int64_t i, int64_t count)
{
    const kp_vec u = layer_norm_u(r, i, count), h = layer_norm_h(r, i, count);

    *u_sum = v_add(*u_sum, u);
    *uh_sum = v_fma(u, h, *uh_sum);
    if (dgamma) {
        const kp_vec dy = row_load(r.dy + i, count, 0.0f);
        row_store(dgamma + i, count, v_fma(dy, h, row_load(dgamma + i, count, 0.0f)));
        row_store(dbeta + i, count, v_add(row_load(dbeta + i, count, 0.0f), dy));
    }
}

KP_INLINE void layer_norm_grad_pass(struct layer_norm_row r, float u_mean, float uh_mean, float *dx,
                                    int64_t i, int64_t count)
{
    const kp_vec u = layer_norm_u(r, i, count), h = layer_norm_h(r, i, count);

    row_store(dx + i, count, kp_layer_norm_dx(h, u, r.s, u_mean, uh_mean));
}

/* With u = dy gamma, h = (x - m) s:  dx = s (u - mean(u) - h mean(u h));  dgamma += dy h,
 * dbeta += dy. dgamma NULL: neither. */
static void lane_layer_norm_grad(int64_t k, float m, float s, const float *x, const float *gamma,
                                 const float *dy, float *dx, float *dgamma, float *dbeta)
{
    const struct layer_norm_row r = {x, gamma, dy, m, s};
    kp_vec u_sum = v_zero(), uh_sum = v_zero();

    ROW_PASS(k, layer_norm_sums_pass, r, &u_sum, &uh_sum, dgamma, dbeta);
    const float u_mean = v_sum(u_sum) / (float)k, uh_mean = v_sum(uh_sum) / (float)k;
    ROW_PASS(k, layer_norm_grad_pass, r, u_mean, uh_mean, dx);
}
