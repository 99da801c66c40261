/* run.c - executes lowered code. */
#include "device/cpu/cpu.h"

struct work {
    const struct kp_pass *pass;
    const struct kp_steps *steps;
    const struct kp_step *step;
};

static void run_task(void *arg, int64_t task, int worker)
{
    const struct work *w = arg;
    const struct kp_span t = {.index = task, .worker = worker};

    w->step->fn(w->step, w->pass, &t);
}

static void run_slice(void *arg, int64_t task, int worker)
{
    const struct work *w = arg;
    const int64_t groups = w->pass->code->cpu->slice / KP_LANES;
    struct kp_span t = {.index = task, .worker = worker};

    t.group = task * groups;
    t.group_end = t.group + groups < w->pass->groups ? t.group + groups : w->pass->groups;
    for (int64_t i = 0; i < w->steps->count; i++)
        w->steps->v[i].fn(&w->steps->v[i], w->pass, &t);
}

static void run_alone(const struct kp_pass *p, const struct kp_steps *steps)
{
    for (int64_t i = 0; i < steps->count; i++) {
        struct work w = {.pass = p, .step = &steps->v[i]};
        if (steps->v[i].tasks == 1)
            run_task(&w, 0, 0);
        else
            kp_pool_run(p->code->cpu->pool, steps->v[i].tasks, run_task, &w);
    }
}

enum kp_status kp_cpu_run(const struct kp_code *c, struct kp_memory *m, int64_t rows,
                          struct kp_error *e)
{
    struct kp_pass p = {.code = c, .lane = c->cpu->lane, .m = m, .rows = rows};

    if (rows < 1 || rows > c->graph->capacity)
        return kp_fail(e, KP_E_INVALID, "cannot run %lld rows: the program holds 1 to %lld",
                       (long long)rows, (long long)c->graph->capacity);
    p.groups = (rows + KP_LANES - 1) / KP_LANES;
    p.slices = kp_cpu_slices(c->cpu, rows);
    (void)pthread_mutex_lock(&c->cpu->busy);
    for (int64_t i = 0; i < c->segment_count; i++) {
        const struct kp_segment *s = &c->segments[i];
        struct work w = {.pass = &p, .steps = &s->slices};

        run_alone(&p, &s->before);
        if (s->slices.count > 0)
            kp_pool_run(c->cpu->pool, p.slices, run_slice, &w);
        run_alone(&p, &s->after);
    }
    (void)pthread_mutex_unlock(&c->cpu->busy);
    return KP_OK;
}
