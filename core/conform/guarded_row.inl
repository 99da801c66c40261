/* guarded_row.inl - a row function under guard, for KP_ROW_REAL; guarded_row.c includes it twice.
 */

struct KP_ROW_TYPED(guarded_row) {
    struct KP_ROW_TYPED(kp_row) row; /* first: in guarded memory, all its arrays too */
    KP_ROW_REAL *logits, *teacher;
};

/* An array of K numbers of its own. The helpers for float may fill a whole vector behind the row,
 * which the cpu device has room for; those for double write K numbers, as a plugin does. */
static KP_ROW_REAL *KP_ROW_TYPED(array)(struct kp_guarded *w, const char *name, int64_t classes)
{
    const int64_t room = sizeof(KP_ROW_REAL) == sizeof(float) ? VECTOR_MOST : 0;

    return kp_guard_alloc(&w->guards, name, (size_t)(classes + room) * sizeof(KP_ROW_REAL),
                          w->poison);
}

static struct KP_ROW_TYPED(guarded_row) * KP_ROW_TYPED(make)(struct kp_guarded *w, int64_t classes)
{
    struct KP_ROW_TYPED(guarded_row) *g =
        kp_guard_alloc(&w->guards, "the row's struct", sizeof(*g), 0);

    if (!g)
        return NULL;
    g->row.classes = classes;
    g->logits = KP_ROW_TYPED(array)(w, "row->logits", classes);
    g->teacher = KP_ROW_TYPED(array)(w, "row->teacher_logits", classes);
    g->row.grad = KP_ROW_TYPED(array)(w, "row->grad", classes);
    bool whole = g->logits && g->teacher && g->row.grad;
    for (int i = 0; i < KP_ROW_WORK; i++) {
        g->row.work[i] = KP_ROW_TYPED(array)(w, "row->work", classes);
        whole = whole && g->row.work[i];
    }
    return whole ? g : NULL;
}

/* Copies the row into guarded memory, has the plugin work there, and takes what it wrote. */
static void KP_ROW_TYPED(call)(const void *self, struct KP_ROW_TYPED(kp_row) * row)
{
    struct kp_guarded *w = (struct kp_guarded *)(uintptr_t)self;
    const size_t bytes = (size_t)row->classes * sizeof(KP_ROW_REAL);
    struct KP_ROW_TYPED(guarded_row) *g = w->KP_ROW_TYPED(row);

    if (!g || g->row.classes != row->classes)
        w->KP_ROW_TYPED(row) = g = KP_ROW_TYPED(make)(w, row->classes);
    KP_ASSERT(g);
    memcpy(g->logits, row->logits, bytes);
    if (row->teacher_logits)
        memcpy(g->teacher, row->teacher_logits, bytes);
    memcpy(g->row.grad, row->grad, bytes);
    for (int i = 0; i < KP_ROW_WORK; i++)
        memset(g->row.work[i], w->poison, bytes);
    g->row.fn = row->fn;
    g->row.scratch = row->scratch;
    g->row.label = row->label;
    g->row.loss = row->loss;
    g->row.logits = g->logits;
    g->row.teacher_logits = row->teacher_logits ? g->teacher : NULL;
    kp_guarded_call(w, "the row function");
    w->real_row->KP_ROW_TYPED(in)(w->self, &g->row);
    kp_guarded_call(w, NULL);
    if (memcmp(g->logits, row->logits, bytes) != 0 ||
        (row->teacher_logits && memcmp(g->teacher, row->teacher_logits, bytes) != 0))
        w->wrong = "the row function changes its input";
    memcpy(row->grad, g->row.grad, bytes);
    row->loss = g->row.loss;
}
