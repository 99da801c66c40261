/* lane_optimizer.inl - one step of an optimizer over n parameters. What they share is copied, as a
 * store could change it behind a pointer. */

struct update {
    const float *g;
    float *p, *m, *v;
};

KP_INLINE void sgd_plain_pass(struct kp_sgd s, struct update u, int64_t i, int64_t count)
{
    const kp_vec g = row_load(u.g + i, count, 0.0f), p = row_load(u.p + i, count, 0.0f);

    row_store(u.p + i, count, kp_sgd_p(&s, g, p));
}

KP_INLINE void sgd_momentum_pass(struct kp_sgd s, struct update u, int64_t i, int64_t count)
{
    const kp_vec g = row_load(u.g + i, count, 0.0f), p = row_load(u.p + i, count, 0.0f);
    kp_vec v = row_load(u.v + i, count, 0.0f);

    row_store(u.p + i, count, kp_momentum_p(&s, g, &v, p));
    row_store(u.v + i, count, v);
}

static void lane_sgd(int64_t n, const struct kp_sgd *s, const float *g, float *v, float *p)
{
    const struct update u = {.g = g, .p = p, .v = v};
    const struct kp_sgd all = *s;

    if (v)
        ROW_PASS(n, sgd_momentum_pass, all, u);
    else
        ROW_PASS(n, sgd_plain_pass, all, u);
}

KP_INLINE void adam_pass(struct kp_adam a, struct update u, int64_t i, int64_t count)
{
    const kp_vec g = row_load(u.g + i, count, 0.0f), p = row_load(u.p + i, count, 0.0f);
    kp_vec m = row_load(u.m + i, count, 0.0f), v = row_load(u.v + i, count, 0.0f);

    row_store(u.p + i, count, kp_adam_p(&a, g, &m, &v, p));
    row_store(u.m + i, count, m);
    row_store(u.v + i, count, v);
}

static void lane_adam(int64_t n, const struct kp_adam *a, const float *g, float *m, float *v,
                      float *p)
{
    const struct update u = {.g = g, .p = p, .m = m, .v = v};
    const struct kp_adam all = *a;

    ROW_PASS(n, adam_pass, all, u);
}
