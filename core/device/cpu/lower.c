/* lower.c - from a placed graph to the list of steps that a run walks through. */
#include "device/cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

void *kp_lower_alloc(struct kp_lowering *l, size_t size)
{
    void *p = kp_arena_alloc(&l->code->memory, 1, size);
    if (!p)
        l->failed = true;
    return p;
}

bool kp_lower_cleanup(struct kp_lowering *l, void (*fn)(void *data), void *data)
{
    struct kp_cleanup *c = kp_lower_alloc(l, sizeof(*c));
    if (!c)
        return false;
    *c = (struct kp_cleanup){fn, data, l->code->cleanups};
    l->code->cleanups = c;
    return true;
}

void kp_lower_fail(struct kp_lowering *l, enum kp_status st, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    l->status = kp_fail_v(l->e, st, fmt, args);
    va_end(args);
    l->failed = true;
}

void kp_lower_step(struct kp_lowering *l, enum kp_phase phase, kp_step_fn *fn, const void *data,
                   int64_t tasks)
{
    struct kp_steps *steps = phase == KP_BEFORE   ? &l->segment->before
                             : phase == KP_SLICES ? &l->segment->slices
                                                  : &l->segment->after;

    if (steps->count == steps->room) {
        const int64_t room = steps->room > 0 ? 2 * steps->room : 8;
        struct kp_step *v = kp_lower_alloc(l, (size_t)room * sizeof(*v));
        if (!v)
            return;
        if (steps->count > 0)
            memcpy(v, steps->v, (size_t)steps->count * sizeof(*v));
        steps->v = v;
        steps->room = room;
    }
    steps->v[steps->count++] = (struct kp_step){fn, l->node, data, tasks};
}

void kp_lower_nothing(struct kp_lowering *l, const struct kp_node *n)
{
    (void)l;
    (void)n;
}

void kp_cpu_code_destroy(struct kp_code *c)
{
    if (!c)
        return;
    for (const struct kp_cleanup *i = c->cleanups; i; i = i->next)
        i->fn(i->data);
    kp_arena_finish(&c->memory);
    free(c);
}

/* Distinct segment numbers; nodes are in their order. */
static int64_t count_segments(const struct kp_graph *g)
{
    int64_t count = 0;
    for (int64_t i = 0; i < g->node_count; i++)
        count += i == 0 || g->nodes[i]->segment != g->nodes[i - 1]->segment;
    return count;
}

enum kp_status kp_cpu_lower(struct kp_device *d, const struct kp_graph *g, struct kp_code **out,
                            struct kp_error *e)
{
    struct kp_lowering l = {.e = e};
    struct kp_code *code = calloc(1, sizeof(*code));
    enum kp_status st = KP_OK;
    int64_t at = -1;

    if (!code) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to lower a graph");
        goto out;
    }
    code->cpu = (struct kp_cpu *)d;
    code->graph = g;
    code->segment_count = count_segments(g);
    l.code = code;
    code->segments =
        kp_lower_alloc(&l, (size_t)(code->segment_count + 1) * sizeof(*code->segments));
    for (int64_t i = 0; i < g->node_count && !l.failed; i++) {
        if (i == 0 || g->nodes[i]->segment != g->nodes[i - 1]->segment)
            at++;
        l.segment = &code->segments[at];
        l.node = g->nodes[i];
        kp_cpu_ops[g->nodes[i]->op].lower(&l, g->nodes[i]);
    }
    if (l.failed) {
        st = l.status != KP_OK ? l.status : kp_fail(e, KP_E_NOMEM, "no memory to lower a graph");
        goto out;
    }
    *out = code;
    code = NULL;
out:
    kp_cpu_code_destroy(code);
    return st;
}
