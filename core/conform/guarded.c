/* guarded.c - a plugin's definition under guard. */
#include "conform/guarded.h"

#include "base/text.h"
#include "host/options.h"
#include "tensor/record.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#define STACK_BYTES 32768

__attribute__((noinline)) static void fill_stack(int byte)
{
    volatile unsigned char below[STACK_BYTES];

    for (size_t i = 0; i < sizeof(below); i++)
        below[i] = (unsigned char)byte;
}

void kp_poison(int byte)
{
    fill_stack(byte);
    /* malloc() fills with the complement. */
    (void)mallopt(M_PERTURB, ~byte & 0xff);
}

void kp_guarded_call(const struct kp_guarded *w, const char *function)
{
    if (w->slate)
        (void)snprintf(w->slate->call, sizeof(w->slate->call), "%s", function ? function : "");
    if (function)
        fill_stack(w->poison);
}

const char *kp_option_bound(const struct kp_option *o, int i, struct kp_arena *a)
{
    char real[KP_REAL_TEXT_SIZE], whole[32];

    switch (o->type) {
    case KP_OPT_INT:
    case KP_OPT_INTS:
        if (i > 1)
            return NULL;
        (void)snprintf(whole, sizeof(whole), "%.0f", i == 0 ? o->min : o->max);
        return kp_arena_strdup(a, whole);
    case KP_OPT_REAL:
    case KP_OPT_REALS:
        return i > 1 ? NULL : kp_arena_strdup(a, kp_real_text(i == 0 ? o->min : o->max, real));
    case KP_OPT_BOOL:
        return i > 1 ? NULL : i == 0 ? "false" : "true";
    case KP_OPT_ENUM:
        for (int k = 0; k <= i; k++)
            if (!o->words[k])
                return NULL;
        return o->words[i];
    case KP_OPT_STRING:
        return i == 0 ? "" : NULL;
    }
    return NULL;
}

static enum kp_status set(struct kp_guarded *w, const struct kp_option *o, const char *text,
                          struct kp_error *e)
{
    struct kp_error why = {0};
    const char *canonical;

    if (!text)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    if (kp_option_check(o, text, &w->memory, &canonical, &why) != KP_OK)
        return kp_fail(e, KP_E_INVALID, "option '%s': %s", o->name, why.text);
    return kp_option_store(o, canonical, &w->memory, w->self)
               ? KP_OK
               : kp_fail(e, KP_E_NOMEM, "out of memory");
}

/* What the use says of an option, or its default; NULL if there is none. */
static const char *text_of(const struct kp_use *u, const struct kp_option *o)
{
    if (u->option && strcmp(u->option, o->name) == 0)
        return u->text;
    for (int i = 0; i < u->shrunk.count; i++)
        if (strcmp(u->shrunk.v[i].name, o->name) == 0)
            return u->shrunk.v[i].text;
    return o->fallback;
}

enum kp_status kp_guarded_open(const struct kp_trial *t, const struct kp_use *u,
                               const struct kp_option_table *options, size_t self_size,
                               struct kp_guarded *out, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    *out = (struct kp_guarded){.slate = u->threaded ? NULL : t->slate,
                               .poison = u->poison,
                               .fail_at = u->fail_at,
                               .failed = u->failed};
    out->self = kp_guard_alloc(&out->guards, "its state struct", self_size, 0);
    if (!out->self)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (uint32_t i = 0; st == KP_OK && i < options->count; i++) {
        const struct kp_option *o = kp_option_at(options, i);
        const char *text = text_of(u, o);

        st = set(out, o, text ? text : kp_option_bound(o, 0, &out->memory), e);
    }
    kp_guard_seal(&out->guards, out->self, true);
    return st;
}

void kp_guarded_finish(struct kp_guarded *w)
{
    kp_guards_finish(&w->guards);
    kp_arena_finish(&w->memory);
}

enum kp_status kp_guarded_check(const struct kp_guarded *w, struct kp_error *e)
{
    return w->wrong ? kp_fail(e, KP_E_INVALID, "%s", w->wrong) : kp_guards_check(&w->guards, e);
}

/* The host's functions of a model under construction, with an alloc() of ours. */
struct build_guard {
    struct kp_build_fn fn; /* first: found from the plugin's handle */
    const struct kp_build_fn *real;
    struct kp_guarded *guarded;
};

static bool must_fail(struct kp_guarded *w)
{
    if (++w->requests != w->fail_at)
        return false;
    if (w->failed)
        *w->failed = true;
    return true;
}

static void *guarded_alloc(struct kp_build *b, size_t count, size_t size)
{
    const struct build_guard *g = (const void *)b->fn;
    void *p = NULL;

    if (g->real->status(b) != KP_OK)
        return NULL;
    if (!must_fail(g->guarded) && size > 0 && count <= SIZE_MAX / 8 / size)
        p = kp_guard_alloc(&g->guarded->guards, "memory of kp_build_alloc()", count * size, 0);
    if (!p)
        (void)g->real->fail(b, KP_E_NOMEM, "no memory for %zu elements of %zu bytes", count, size);
    return p;
}

static struct kp_tensor *guarded_param(struct kp_build *b, const char *name, struct kp_shape shape,
                                       struct kp_init init)
{
    const struct build_guard *g = (const void *)b->fn;

    if (g->real->status(b) == KP_OK && must_fail(g->guarded))
        (void)g->real->fail(b, KP_E_NOMEM, "no memory for parameter '%s'", name);
    return g->real->param(b, name, shape, init);
}

static enum kp_status guarded_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct kp_guarded *w = self;
    struct build_guard g = {.fn = *b->fn, .real = b->fn, .guarded = w};
    struct kp_model_io *shown = kp_guard_alloc(&w->guards, "kp_model_io", sizeof(*shown), 0);
    enum kp_status st;

    if (!shown)
        return g.real->fail(b, KP_E_NOMEM, "out of memory");
    *shown = *io;
    kp_guard_seal(&w->guards, shown, true);
    kp_guard_seal(&w->guards, w->self, false);
    g.fn.alloc = guarded_alloc;
    g.fn.param = guarded_param;
    b->fn = &g.fn;
    kp_guarded_call(w, "build");
    st = w->real_model->build(w->self, b, shown);
    kp_guarded_call(w, NULL);
    b->fn = g.real;
    kp_guard_seal(&w->guards, w->self, true);
    return st;
}

/* Have the recording fail at the operand that the use names. */
static void arm(const struct kp_guarded *w, struct kp_tape *t)
{
    struct kp_recording *r = kp_recording_of(t);

    r->fail_at = w->fail_at > w->requests ? w->fail_at - w->requests : 0;
    r->failed = w->failed;
}

static enum kp_status guarded_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                      struct kp_tensor **logits)
{
    static const char *const names[] = {"forward (TRAIN)", "forward (EVAL)", "forward (EVAL_GRAD)"};
    const struct kp_guarded *w = self;
    enum kp_status st;

    arm(w, t);
    kp_guarded_call(w, names[kp_tape_mode(t)]);
    st = w->real_model->forward(w->self, t, x, logits);
    kp_guarded_call(w, NULL);
    return st;
}

static enum kp_status guarded_loss(const void *self, struct kp_tape *t,
                                   const struct kp_objective_io *io, struct kp_tensor **loss)
{
    const struct kp_guarded *w = self;
    enum kp_status st;

    arm(w, t);
    kp_guarded_call(w, "loss");
    st = w->real_objective->loss(w->self, t, io, loss);
    kp_guarded_call(w, NULL);
    return st;
}

/* A definition of another size of the same struct. */
static void copy_def(void *to, size_t size, const void *from, size_t from_size)
{
    memcpy(to, from, from_size < size ? from_size : size);
}

enum kp_status kp_guarded_model(const struct kp_trial *t, const struct kp_use *u,
                                struct kp_guarded *out, struct kp_error *e)
{
    const struct kp_model_def *d = t->def;
    enum kp_status st = kp_guarded_open(t, u, &d->options, d->self_size, out, e);

    copy_def(&out->model, sizeof(out->model), d, d->size);
    out->real_model = d;
    out->model.build = guarded_build;
    out->model.forward = guarded_forward;
    return st;
}

enum kp_status kp_guarded_objective(const struct kp_trial *t, const struct kp_use *u,
                                    struct kp_guarded *out, struct kp_error *e)
{
    const struct kp_objective_def *d = t->def;
    enum kp_status st = kp_guarded_open(t, u, &d->options, d->self_size, out, e);

    copy_def(&out->objective, sizeof(out->objective), d, d->size);
    out->real_objective = d;
    out->real_row = kp_objective_row(d);
    if (out->real_row)
        out->objective.row = &kp_guarded_row;
    else
        out->objective.loss = guarded_loss;
    return st;
}
