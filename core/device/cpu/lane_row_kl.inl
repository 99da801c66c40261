/* lane_row_kl.inl - the Kullback-Leibler divergence of one row, a helper of kappa/row.h. */

/* KL(P || Q) of P = softmax(t / tau_t), Q = softmax(z / tau), also where it is small.
 *
 * With p = e^((t - t0) / tau_t), s = sum p, u = (z - z0) / tau - (t - t0) / tau_t, any number c and
 * x = u - c:  Q = P e^x / (1 + D), D = sum P (e^x - 1), and
 *   KL = log(1 + D) - sum P x = log(1 + D) - D + H,   H = sum P (e^x - 1 - x)
 *   Q - P = (P (e^x - 1) - D P) / (1 + D)
 * No term of H is negative, so a small divergence keeps its digits if D is not much larger than
 * its root. Three ways to see to that:
 *   near    all |x| <= 2 with the mean of u as c: P, D and H in one pass
 *   wide    c = sum P u, for which a first pass makes P; then D = H but for rounding
 *   far     an x above FAR, which takes a P below e^-FAR: P and Q one by one, KL = log(sum of
 *           e^((z - z0) / tau) / s) - c */
#define NEAR 2.0
#define FAR  40.0

struct kl {
    const float *z, *t;
    float z0, t0, z_scale, t_scale, centre;
    float *p, *m; /* p; p (e^x - 1), or unscaled Q; 0 behind the row in the last vector */
    kp_vec s, u, most, d, h;
};

/* The largest of x, and its sum. */
static double top_and_sum(int64_t n, const float *x, double *total)
{
    kp_vec most[2] = {v_set(-INFINITY), v_set(-INFINITY)}, sum[2] = {v_zero(), v_zero()};
    int64_t i = 0;

    for (; i + 2 * KP_VEC <= n; i += 2 * KP_VEC)
        KP_UNROLL
    for (int j = 0; j < 2; j++) {
        kp_vec v = v_load(x + i + j * KP_VEC);
        most[j] = v_max(most[j], v);
        sum[j] = v_add(sum[j], v);
    }
    for (; i < n; i += KP_VEC) {
        const int64_t count = n - i < KP_VEC ? n - i : KP_VEC;
        most[0] = v_max(most[0], row_load(x + i, count, -INFINITY));
        sum[0] = v_add(sum[0], row_load(x + i, count, 0.0f));
    }
    *total = (double)v_sum(v_add(sum[0], sum[1]));
    return (double)v_largest(v_max(most[0], most[1]));
}

/* (t - t0) / tau_t, and u */
KP_INLINE kp_vec kl_teacher(const struct kl *k, kp_vec *u, int64_t i, int64_t count)
{
    kp_vec z = v_sub(row_load(k->z + i, count, k->z0), v_set(k->z0));
    kp_vec t = v_sub(row_load(k->t + i, count, k->t0), v_set(k->t0));

    t = v_mul(t, v_set(k->t_scale));
    *u = v_sub(v_mul(z, v_set(k->z_scale)), t);
    return t;
}

/* Unscaled P; e^-87 for what is less. */
KP_INLINE kp_vec kl_power(kp_vec t, int64_t count)
{
    return row_first(v_exp_inside(v_max(v_set(-87.0f), t)), count);
}

KP_INLINE void kl_near_pass(struct kl *k, int64_t i, int64_t count)
{
    kp_vec u, p = kl_power(kl_teacher(k, &u, i, count), count);
    kp_vec x = row_first(v_sub(u, v_set(k->centre)), count);
    kp_vec rest = v_expm1_rest_near(x), m = v_mul(p, v_add(rest, x));

    v_store(k->p + i, p);
    v_store(k->m + i, m);
    k->s = v_add(k->s, p);
    k->d = v_add(k->d, m);
    k->h = v_fma(p, rest, k->h);
    k->most = v_max(k->most, v_abs(x));
}

KP_INLINE void kl_teacher_pass(struct kl *k, int64_t i, int64_t count)
{
    kp_vec u, p = kl_power(kl_teacher(k, &u, i, count), count);

    v_store(k->p + i, p);
    k->s = v_add(k->s, p);
    k->u = v_fma(p, u, k->u);
    k->most = v_max(k->most, u);
}

KP_INLINE void kl_student_pass(struct kl *k, int64_t i, int64_t count)
{
    kp_vec u, p = v_load(k->p + i), rest;
    (void)kl_teacher(k, &u, i, count);
    kp_vec m = v_expm1(v_min(v_set(80.0f), v_sub(u, v_set(k->centre))), &rest);

    m = v_mul(p, m);
    v_store(k->m + i, m);
    k->d = v_add(k->d, m);
    k->h = v_fma(p, rest, k->h);
}

/* log(1 + d) - d + h. With y = d / (2 + d):  log(1 + d) - d = 2 atanh y - d
 *   = 2 (y^3 / 3 + y^5 / 5 + ...) - d^2 / (2 + d) */
KP_INLINE double divergence(double d, double h)
{
    if (fabs(d) > 0.3)
        return log(1.0 + d) - d + h;
    const double y = d / (2.0 + d), yy = y * y;
    const double odd = 1.0 / 3 + yy * (1.0 / 5 + yy * (1.0 / 7 + yy * (1.0 / 9 + yy * (1.0 / 11))));
    return h - y * (d - 2.0 * yy * odd);
}

/* What a way gives: KL, and Q - P = m_factor m - p_factor p. */
struct kl_result {
    double loss, m_factor, p_factor;
};

/* From sums of p, p (e^x - 1) and p (e^x - 1 - x). */
KP_INLINE void kl_finish(kp_vec s, kp_vec d, kp_vec h, struct kl_result *out)
{
    float sums[4];

    v_sum4(s, d, h, v_zero(), sums);
    const double share = 1.0 / (double)sums[0], mean = (double)sums[1] * share;
    out->loss = divergence(mean, (double)sums[2] * share);
    out->m_factor = 1.0 / ((double)sums[0] + (double)sums[1]);
    out->p_factor = mean * out->m_factor;
}

KP_INLINE bool kl_near(struct kl *k, int64_t n, struct kl_result *out)
{
    k->s = k->d = k->h = k->most = v_zero();
    ROW_PASS(n, kl_near_pass, k);
    if (!((double)v_largest(k->most) <= NEAR))
        return false;
    kl_finish(k->s, k->d, k->h, out);
    return true;
}

KP_INLINE void kl_wide(struct kl *k, int64_t n, double tau, struct kl_result *out)
{
    float sums[4], top;

    k->s = k->u = k->d = k->h = v_zero();
    k->most = v_set(-INFINITY);
    ROW_PASS(n, kl_teacher_pass, k);
    v_sum4(k->s, k->u, v_zero(), v_zero(), sums);
    const double share = 1.0 / (double)sums[0], c = (double)sums[1] * share;
    if ((double)v_largest(k->most) - c <= FAR) {
        k->centre = (float)c;
        ROW_PASS(n, kl_student_pass, k);
        v_sum4(k->d, k->h, v_zero(), v_zero(), sums);
        const double d = (double)sums[0] * share;
        /* where the rounding of a large D would show, D - H counts as 0 */
        out->loss = d < 0.5 ? divergence(d, (double)sums[1] * share) : log(1.0 + d);
        out->m_factor = share / (1.0 + d);
        out->p_factor = d * out->m_factor;
    } else {
        const double q = powers(n, k->z, tau, k->m, true, &top);
        out->loss = log(q * share) - c;
        out->m_factor = 1.0 / q;
        out->p_factor = share;
    }
}

/* A row of at most two vectors in registers, near; false: it is not near. grad may be NULL. */
KP_INLINE bool kl_short(struct kl *k, int64_t n, double gain, float *grad, struct kp_row_float *row,
                        double weight)
{
    const int64_t counts[2] = {n < KP_VEC ? n : KP_VEC, n < KP_VEC ? 0 : n - KP_VEC};
    kp_vec z[2], t[2], p[2], m[2], rest[2], sum = v_zero(), far = v_zero();
    struct kl_result r;

    KP_UNROLL
    for (int j = 0; j < 2; j++) {
        z[j] = v_load_first(k->z + j * KP_VEC, counts[j], v_set(-INFINITY));
        t[j] = v_load_first(k->t + j * KP_VEC, counts[j], v_set(-INFINITY));
    }
    const kp_vec z0 = v_set(v_largest(v_max(z[0], z[1])));
    const kp_vec t0 = v_set(v_largest(v_max(t[0], t[1])));
    KP_UNROLL
    for (int j = 0; j < 2; j++) {
        t[j] = v_mul(v_sub(t[j], t0), v_set(k->t_scale));
        z[j] = v_first(v_sub(v_mul(v_sub(z[j], z0), v_set(k->z_scale)), t[j]), counts[j]);
        p[j] = v_first(v_exp_inside(v_max(v_set(-87.0f), t[j])), counts[j]);
        sum = v_add(sum, z[j]);
    }
    const kp_vec centre = v_set(v_sum(sum) / (float)n);
    KP_UNROLL
    for (int j = 0; j < 2; j++) {
        kp_vec x = v_first(v_sub(z[j], centre), counts[j]);
        rest[j] = v_expm1_rest_near(x);
        m[j] = v_mul(p[j], v_add(rest[j], x));
        rest[j] = v_mul(p[j], rest[j]);
        far = v_max(far, v_abs(x));
    }
    if (!((double)v_largest(far) <= NEAR))
        return false;
    kl_finish(v_add(p[0], p[1]), v_add(m[0], m[1]), v_add(rest[0], rest[1]), &r);
    row->loss += weight * r.loss;
    const kp_vec by_m = v_set((float)(gain * r.m_factor)), by_p = v_set((float)(gain * r.p_factor));
    KP_UNROLL
    for (int j = 0; j < 2 && grad; j++, grad += KP_VEC) {
        kp_vec g = v_fma(by_m, m[j], v_load(grad));
        v_store(grad, v_sub(g, v_mul(by_p, p[j])));
    }
    return true;
}

static void row_add_kl(struct kp_row_float *row, double weight, double tau, const float *target,
                       double target_tau)
{
    const int64_t n = row->classes;
    const double sharp = 1.0 / tau, target_sharp = target_tau == tau ? sharp : 1.0 / target_tau;
    struct kl k = {.z = row->logits,
                   .t = target,
                   .z_scale = (float)sharp,
                   .t_scale = (float)target_sharp,
                   .p = row->scratch,
                   .m = row->scratch + KP_ROW_ROOM(n)};
    struct kl_result r;
    double z_sum, t_sum;

    if (weight == 0.0 ||
        (n <= 2 * KP_VEC && kl_short(&k, n, weight * sharp, row->grad, row, weight)))
        return;
    const double z0 = top_and_sum(n, k.z, &z_sum), t0 = top_and_sum(n, k.t, &t_sum);
    k.z0 = (float)z0;
    k.t0 = (float)t0;
    const double count = (double)n;
    k.centre =
        (float)(((z_sum - count * z0) * sharp - (t_sum - count * t0) * target_sharp) / count);
    if (!kl_near(&k, n, &r))
        kl_wide(&k, n, tau, &r);
    row->loss += weight * r.loss;
    if (row->grad)
        add_two(n, weight * sharp * r.m_factor, k.m, -weight * sharp * r.p_factor, k.p, row->grad);
}
