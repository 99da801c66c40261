/* lane_row.inl - the helpers of kappa/row.h for rows of floats. */

/* Four vectors at a time: a maximum takes longer than the two loads that it waits for. */
static double row_max(int64_t n, const float *x)
{
    kp_vec a = v_set(-INFINITY), b = a, c = a, d = a;
    int64_t i = 0;

    for (; i + 4 * KP_VEC <= n; i += 4 * KP_VEC) {
        a = v_max(a, v_load(x + i));
        b = v_max(b, v_load(x + i + KP_VEC));
        c = v_max(c, v_load(x + i + 2 * KP_VEC));
        d = v_max(d, v_load(x + i + 3 * KP_VEC));
    }
    for (; i < n; i += KP_VEC)
        a = v_max(a, row_load(x + i, n - i < KP_VEC ? n - i : KP_VEC, -INFINITY));
    return (double)v_largest(v_max(v_max(a, b), v_max(c, d)));
}

KP_INLINE void sum_pass(const float *x, kp_vec *sum, int64_t i, int64_t count)
{
    *sum = v_add(*sum, row_load(x + i, count, 0.0f));
}

static double row_sum(int64_t n, const float *x)
{
    kp_vec sum = v_zero();

    ROW_PASS(n, sum_pass, x, &sum);
    return (double)v_sum(sum);
}

KP_INLINE void dot_pass(const float *x, const float *y, kp_vec *sum, int64_t i, int64_t count)
{
    *sum = v_fma(row_load(x + i, count, 0.0f), row_load(y + i, count, 0.0f), *sum);
}

static double row_dot(int64_t n, const float *x, const float *y)
{
    kp_vec sum = v_zero();

    ROW_PASS(n, dot_pass, x, y, &sum);
    return (double)v_sum(sum);
}

KP_INLINE void scale_pass(float a, const float *x, float *out, int64_t i, int64_t count)
{
    row_store(out + i, count, v_mul(v_set(a), row_load(x + i, count, 0.0f)));
}

KP_INLINE void mix_pass(float a, const float *x, float b, const float *y, float *out, int64_t i,
                        int64_t count)
{
    kp_vec ax = v_mul(v_set(a), row_load(x + i, count, 0.0f));
    row_store(out + i, count, v_fma(v_set(b), row_load(y + i, count, 0.0f), ax));
}

static void row_mix(int64_t n, double a, const float *x, double b, const float *y, float *out)
{
    if (b == 0.0)
        ROW_PASS(n, scale_pass, (float)a, x, out);
    else
        ROW_PASS(n, mix_pass, (float)a, x, (float)b, y, out);
}

/* grad += a x + b y. The three are of a thread's own and have room for whole vectors: a store of
 * part of one, read again as a whole, would make the next load wait for it. */
static void add_two(int64_t n, double a, const float *x, double b, const float *y, float *grad)
{
    const kp_vec by = v_set((float)b), ax = v_set((float)a);

    for (int64_t i = 0; i < n; i += KP_VEC) {
        kp_vec sum = v_fma(ax, v_load(x + i), v_load(grad + i));
        v_store(grad + i, v_fma(by, v_load(y + i), sum));
    }
}

/* grad += a x, and b at the label */
static void add_one(int64_t n, double a, const float *x, int64_t label, double b, float *grad)
{
    const kp_vec ax = v_set((float)a);

    for (int64_t i = 0; i < n; i += KP_VEC) {
        kp_vec sum = v_fma(ax, v_load(x + i), v_load(grad + i));
        if (label - i < KP_VEC && label >= i)
            sum = v_add(sum, v_place(label - i, (float)b));
        v_store(grad + i, sum);
    }
}

/* out = exp(a (x - x0)), unless out is NULL; sum += it. roomy: out has room for whole vectors */
struct exps {
    const float *x;
    float a, x0;
    float *out;
    bool roomy;
    kp_vec sum;
};

KP_INLINE void exps_pass(struct exps *s, int64_t i, int64_t count)
{
    kp_vec d = v_sub(row_load(s->x + i, count, s->x0), v_set(s->x0));
    kp_vec y = v_exp(v_mul(v_set(s->a), d));

    s->sum = v_add(s->sum, row_first(y, count));
    if (s->out)
        row_store(s->out + i, s->roomy ? KP_VEC : count, y);
}

static double row_exps(int64_t n, double a, const float *x, double x0, float *out)
{
    struct exps s = {x, (float)a, (float)x0, out, false, v_zero()};

    ROW_PASS(n, exps_pass, &s);
    return (double)v_sum(s.sum);
}

/* out = exp((x - x0) / tau) with the largest x0 = *top, unless out is NULL; returns the sum. The
 * largest is taken out before the division, so that a small tau costs no digits. */
static double powers(int64_t n, const float *x, double tau, float *out, bool roomy, float *top)
{
    struct exps s = {x, (float)(1.0 / tau), (float)row_max(n, x), out, roomy, v_zero()};

    ROW_PASS(n, exps_pass, &s);
    *top = s.x0;
    return (double)v_sum(s.sum);
}

KP_INLINE void fill_pass(float x, float *out, int64_t i, int64_t count)
{
    row_store(out + i, count, v_set(x));
}

static void row_one_hot(int64_t n, int64_t label, double on, double off, float *out)
{
    ROW_PASS(n, fill_pass, (float)off, out);
    if (label >= 0 && label < n)
        out[label] = (float)on;
}

static double row_soften(int64_t n, const float *x, double tau, float *out)
{
    float top;
    const double sum = powers(n, x, tau, out, false, &top);

    row_mix(n, 1.0 / sum, out, 0.0, out, out);
    return (double)top / tau + log(sum);
}

static void row_add_cross_entropy(struct kp_row_float *row, double weight, int64_t label)
{
    const int64_t n = row->classes;
    float *e = row->grad ? row->scratch : NULL, top;

    if (weight == 0.0 || label < 0 || label >= n)
        return;
    const double sum = powers(n, row->logits, 1.0, e, true, &top);
    row->loss += weight * (log(sum) - ((double)row->logits[label] - (double)top));
    if (e)
        add_one(n, weight / sum, e, label, -weight, row->grad);
}

/* copy: q in whole vectors, or NULL */
KP_INLINE void soft_pass(const float *z, float top, const float *q, float *copy, kp_vec *mass,
                         kp_vec *sum, int64_t i, int64_t count)
{
    kp_vec share = row_load(q + i, count, 0.0f);

    if (copy)
        v_store(copy + i, share);
    *mass = v_add(*mass, share);
    *sum = v_fma(share, v_sub(row_load(z + i, count, top), v_set(top)), *sum);
}

/* With m = sum q: the loss is m log sum exp z - sum q z, its gradient m softmax(z) - q. */
static void row_add_soft_cross_entropy(struct kp_row_float *row, double weight, const float *q)
{
    const int64_t n = row->classes;
    float *e = row->grad ? row->scratch : NULL, *copy = e ? e + KP_ROW_ROOM(n) : NULL, top;
    kp_vec masses = v_zero(), sums = v_zero();

    if (weight == 0.0)
        return;
    const double sum = powers(n, row->logits, 1.0, e, true, &top);
    ROW_PASS(n, soft_pass, row->logits, top, q, copy, &masses, &sums);
    const double mass = (double)v_sum(masses);
    row->loss += weight * (mass * log(sum) - (double)v_sum(sums));
    if (e)
        add_two(n, weight * mass / sum, e, -weight, copy, row->grad);
}
