/* guarded_op.inl - an operation's forward and backward under guard, for KP_OP_REAL; guarded_op.c
 * includes it twice. */

/* Guarded memory like the view's, with what the view holds (or the pattern, if `fresh`). Rows of
 * KP_ROWS get a stride of their own. */
static KP_OP_REAL *KP_OP_TYPED(guarded)(struct kp_guards *g, const char *name, enum kp_form form,
                                        int poison, bool fresh, struct KP_OP_TYPED(kp_target) * v)
{
    const int64_t stride = form == KP_ROWS ? v->width + ROWS_APART : v->stride;
    const int64_t count = v->rows > 0 ? (v->rows - 1) * stride + v->width : 0;
    KP_OP_REAL *copy = v->v ? kp_guard_alloc(g, name, (size_t)count * sizeof(*copy), poison) : NULL;

    KP_ASSERT(copy || !v->v);
    for (int64_t r = 0; copy && !fresh && r < v->rows; r++)
        memcpy(copy + r * stride, v->v + r * v->stride, (size_t)v->width * sizeof(*copy));
    v->stride = stride;
    v->v = copy;
    return copy;
}

/* What was written goes to where the host wants it. */
static void KP_OP_TYPED(take)(const struct KP_OP_TYPED(kp_target) * from,
                              const struct KP_OP_TYPED(kp_target) * to)
{
    for (int64_t r = 0; to->v && r < to->rows; r++)
        memcpy(to->v + r * to->stride, from->v + r * from->stride,
               (size_t)to->width * sizeof(*to->v));
}

static struct KP_OP_TYPED(kp_view)
    KP_OP_TYPED(shown)(struct kp_guards *g, const char *name, enum kp_form form, int poison,
                       const struct KP_OP_TYPED(kp_view) * v)
{
    struct KP_OP_TYPED(kp_target) t = {(KP_OP_REAL *)(uintptr_t)v->v, v->rows, v->width, v->stride};

    (void)KP_OP_TYPED(guarded)(g, name, form, poison, false, &t);
    kp_guard_seal(g, t.v, true);
    return (struct KP_OP_TYPED(kp_view)){t.v, t.rows, t.width, t.stride};
}

static void KP_OP_TYPED(call)(const void *self, const struct KP_OP_TYPED(kp_op_call) * c,
                              bool backward)
{
    struct kp_guarded *w = (struct kp_guarded *)(uintptr_t)self;
    const struct kp_op_def *d = w->real_op;
    struct KP_OP_TYPED(kp_op_call) inner = *c;
    struct kp_guards g = {0};

    for (uint32_t i = 0; i < d->operand_count; i++) {
        const enum kp_form form = kp_op_operand(d, i)->form;
        inner.in[i] = KP_OP_TYPED(shown)(&g, "an operand", form, w->poison, &c->in[i]);
        /* Gradients of shared operands are added to. */
        (void)KP_OP_TYPED(guarded)(&g, "a gradient", form, w->poison, form != KP_SHARED,
                                   &inner.grad[i]);
    }
    (void)KP_OP_TYPED(guarded)(&g, "the result", d->result, w->poison, !backward, &inner.y);
    kp_guard_seal(&g, inner.y.v, backward);
    for (uint32_t i = 0; i < d->kept_count; i++) {
        (void)KP_OP_TYPED(guarded)(&g, "what is kept", d->kept[i], w->poison, !backward,
                                   &inner.kept[i]);
        kp_guard_seal(&g, inner.kept[i].v, backward);
    }
    inner.dy = KP_OP_TYPED(shown)(&g, "dy", d->result, w->poison, &c->dy);
    if (d->scratch)
        inner.scratch = kp_guard_alloc(
            &g, "the scratch",
            (size_t)d->scratch(w->self, c->shapes, c->examples) * sizeof(KP_OP_REAL), w->poison);
    kp_guarded_call(w, backward ? "backward" : "forward");
    (backward ? d->KP_OP_TYPED(backward) : d->KP_OP_TYPED(forward))(w->self, &inner);
    kp_guarded_call(w, NULL);
    if (kp_guards_check(&g, &w->guard_error) != KP_OK)
        w->wrong = w->guard_error.text;
    if (!backward) {
        KP_OP_TYPED(take)(&inner.y, &c->y);
        for (uint32_t i = 0; i < d->kept_count; i++)
            KP_OP_TYPED(take)(&inner.kept[i], &c->kept[i]);
    }
    for (uint32_t i = 0; backward && i < d->operand_count; i++)
        KP_OP_TYPED(take)(&inner.grad[i], &c->grad[i]);
    kp_guards_finish(&g);
}

static void KP_OP_TYPED(guarded_forward)(const void *self, const struct KP_OP_TYPED(kp_op_call) * c)
{
    KP_OP_TYPED(call)(self, c, false);
}

static void KP_OP_TYPED(guarded_backward)(const void *self,
                                          const struct KP_OP_TYPED(kp_op_call) * c)
{
    KP_OP_TYPED(call)(self, c, true);
}
