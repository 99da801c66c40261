/* optimizer.inl - one element of an optimizer step; each returns the new p. See optimizer.h. */

/* g' of SGD and Adam */
KP_INLINE kp_vec kp_decayed(float clip, float decay, kp_vec g, kp_vec p)
{
    return v_add(v_mul(v_set(clip), g), v_mul(v_set(decay), p));
}

/* momentum = 0: there is no v */
KP_INLINE kp_vec kp_sgd_p(const struct kp_sgd *s, kp_vec g, kp_vec p)
{
    return v_sub(p, v_mul(v_set(s->rate), kp_decayed(s->clip, s->decay, g, p)));
}

KP_INLINE kp_vec kp_momentum_p(const struct kp_sgd *s, kp_vec g, kp_vec *v, kp_vec p)
{
    const kp_vec mv = v_mul(v_set(s->momentum), *v);
    kp_vec step;

    if (s->nesterov) {
        const kp_vec decayed = kp_decayed(s->clip, s->decay, g, p);
        *v = v_add(mv, decayed);
        step = v_add(decayed, v_mul(v_set(s->momentum), *v));
    } else {
        *v = v_add(v_add(mv, v_mul(v_set(s->clip), g)), v_mul(v_set(s->decay), p));
        step = *v;
    }
    return v_sub(p, v_mul(v_set(s->rate), step));
}

KP_INLINE kp_vec kp_adam_p(const struct kp_adam *a, kp_vec g, kp_vec *m, kp_vec *v, kp_vec p)
{
    const kp_vec d = kp_decayed(a->clip, a->decay, g, p);

    *m = v_add(v_mul(v_set(a->beta1), *m), v_mul(v_set(a->rest1), d));
    *v = v_add(v_mul(v_set(a->beta2), *v), v_mul(v_mul(v_set(a->rest2), d), d));
    const kp_vec spread = v_add(v_div(v_sqrt(*v), v_set(a->root)), v_set(a->eps));
    return v_sub(v_mul(v_set(a->kept), p), v_mul(v_set(a->rate), v_div(*m, spread)));
}
