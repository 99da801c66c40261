/* lane_layer_norm.inl - one row of a layer norm, k numbers next to each other. */

/* Numbers that fill whole vectors. */
KP_INLINE int64_t row_whole(int64_t k)
{
    return k / KP_VEC * KP_VEC;
}

/* y = (x - m) s gamma + beta; out[0] = m, out[1] = s = 1 / sqrt(v + eps), in two passes */
static void lane_layer_norm(int64_t k, float eps, const float *x, const float *gamma,
                            const float *beta, float *y, float out[2])
{
    const int64_t whole = row_whole(k);
    kp_vec sums = v_zero(), squares = v_zero();

    for (int64_t i = 0; i < whole; i += KP_VEC)
        sums = v_add(sums, v_load(x + i));
    float sum = v_sum(sums);
    for (int64_t i = whole; i < k; i++)
        sum += x[i];
    const float m = sum / (float)k;
    for (int64_t i = 0; i < whole; i += KP_VEC) {
        kp_vec d = v_sub(v_load(x + i), v_set(m));
        squares = v_fma(d, d, squares);
    }
    float square = v_sum(squares);
    for (int64_t i = whole; i < k; i++)
        square += (x[i] - m) * (x[i] - m);
    const float s = 1.0f / sqrtf(square / (float)k + eps);
    for (int64_t i = 0; i < whole; i += KP_VEC) {
        kp_vec h = v_mul(v_sub(v_load(x + i), v_set(m)), v_set(s));
        v_store(y + i, v_fma(h, v_load(gamma + i), v_load(beta + i)));
    }
    for (int64_t i = whole; i < k; i++)
        y[i] = (x[i] - m) * s * gamma[i] + beta[i];
    out[0] = m;
    out[1] = s;
}

/* With u = dy gamma, h = (x - m) s:  dx = s (u - mean(u) - h mean(u h));  dgamma += dy h,
 * dbeta += dy. dgamma NULL: neither. */
static void lane_layer_norm_grad(int64_t k, float m, float s, const float *x, const float *gamma,
                                 const float *dy, float *dx, float *dgamma, float *dbeta)
{
    const int64_t whole = row_whole(k);
    kp_vec u_sums = v_zero(), uh_sums = v_zero();

    for (int64_t i = 0; i < whole; i += KP_VEC) {
        kp_vec d = v_load(dy + i), u = v_mul(d, v_load(gamma + i));
        kp_vec h = v_mul(v_sub(v_load(x + i), v_set(m)), v_set(s));
        u_sums = v_add(u_sums, u);
        uh_sums = v_fma(u, h, uh_sums);
        if (dgamma) {
            v_store(dgamma + i, v_fma(d, h, v_load(dgamma + i)));
            v_store(dbeta + i, v_add(v_load(dbeta + i), d));
        }
    }
    float u_sum = v_sum(u_sums), uh_sum = v_sum(uh_sums);
    for (int64_t i = whole; i < k; i++) {
        const float h = (x[i] - m) * s;
        u_sum += dy[i] * gamma[i];
        uh_sum += dy[i] * gamma[i] * h;
        if (dgamma) {
            dgamma[i] += dy[i] * h;
            dbeta[i] += dy[i];
        }
    }
    const float u_mean = u_sum / (float)k, uh_mean = uh_sum / (float)k;
    for (int64_t i = 0; i < whole; i += KP_VEC) {
        kp_vec h = v_mul(v_sub(v_load(x + i), v_set(m)), v_set(s));
        kp_vec u = v_sub(v_mul(v_load(dy + i), v_load(gamma + i)), v_set(u_mean));
        v_store(dx + i, v_mul(v_set(s), v_sub(u, v_mul(h, v_set(uh_mean)))));
    }
    for (int64_t i = whole; i < k; i++)
        dx[i] = s * (dy[i] * gamma[i] - u_mean - (x[i] - m) * s * uh_mean);
}
