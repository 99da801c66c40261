/* run.c - executes lowered code, on all threads or, inside a shared task, on one. */
#include "device/cpu/cpu.h"

/* The device whose shared task this thread is doing, and its number among that device's threads. */
static _Thread_local struct {
    const struct kp_cpu *cpu;
    int worker;
} sharing;

void kp_cpu_begin(struct kp_cpu *cpu)
{
    if (sharing.cpu != cpu)
        (void)pthread_mutex_lock(&cpu->busy);
}

void kp_cpu_end(struct kp_cpu *cpu)
{
    if (sharing.cpu != cpu)
        (void)pthread_mutex_unlock(&cpu->busy);
}

void kp_cpu_spread(struct kp_cpu *cpu, int64_t tasks,
                   void (*fn)(void *arg, int64_t task, int worker), void *arg)
{
    if (sharing.cpu != cpu) {
        kp_pool_run(cpu->pool, tasks, fn, arg);
        return;
    }
    for (int64_t i = 0; i < tasks; i++)
        fn(arg, i, sharing.worker);
}

struct shared {
    const struct kp_cpu *cpu;
    int64_t tasks;
    void (*fn)(void *arg, int64_t task);
    void *arg;
};

/* The large ones first, so that the threads end at about the same time. */
static void run_shared(void *arg, int64_t task, int worker)
{
    const struct shared *s = arg;

    sharing.cpu = s->cpu;
    sharing.worker = worker;
    s->fn(s->arg, s->tasks - 1 - task);
    sharing.cpu = NULL;
}

/* As many tasks as every thread gets the same number of, each on one thread; what is left then has
 * all threads for each. In a task of another call there is no other thread. */
void kp_cpu_share(struct kp_device *d, int64_t tasks, void (*fn)(void *arg, int64_t task),
                  void *arg)
{
    struct kp_cpu *cpu = (struct kp_cpu *)d;
    const int64_t alone = sharing.cpu == cpu ? tasks : tasks % kp_pool_threads(cpu->pool);
    struct shared s = {cpu, tasks - alone, fn, arg};

    kp_cpu_begin(cpu);
    if (s.tasks > 0)
        kp_pool_run(cpu->pool, s.tasks, run_shared, &s);
    kp_cpu_end(cpu);
    for (int64_t i = s.tasks; i < tasks; i++)
        fn(arg, i);
}

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
    const struct kp_graph *g = w->pass->code->graph;
    const int64_t groups = g->slice / g->group;
    struct kp_span t = {.index = task, .worker = worker};

    t.group = task * groups;
    t.group_end = t.group + groups < w->pass->groups ? t.group + groups : w->pass->groups;
    t.first = t.group * g->group;
    t.end = t.group_end * g->group;
    for (int64_t i = 0; i < w->steps->count; i++)
        w->steps->v[i].fn(&w->steps->v[i], w->pass, &t);
}

static void run_alone(const struct kp_pass *p, const struct kp_steps *steps)
{
    for (int64_t i = 0; i < steps->count; i++) {
        struct work w = {.pass = p, .step = &steps->v[i]};
        kp_cpu_spread(p->code->cpu, steps->v[i].tasks, run_task, &w);
    }
}

enum kp_status kp_cpu_run(const struct kp_code *c, struct kp_memory *m, int64_t rows,
                          struct kp_error *e)
{
    struct kp_pass p = {.code = c, .lane = c->cpu->lane, .m = m, .rows = rows};

    if (rows < 1 || rows > c->graph->capacity)
        return kp_fail(e, KP_E_INVALID, "cannot run %lld rows: the program holds 1 to %lld",
                       (long long)rows, (long long)c->graph->capacity);
    p.groups = (rows + c->graph->group - 1) / c->graph->group;
    p.examples = p.groups * c->graph->group;
    p.slices = kp_cpu_slices(c->graph, rows);
    kp_cpu_begin(c->cpu);
    for (int64_t i = 0; i < c->segment_count; i++) {
        const struct kp_segment *s = &c->segments[i];
        struct work w = {.pass = &p, .steps = &s->slices};

        run_alone(&p, &s->before);
        if (s->slices.count > 0)
            kp_cpu_spread(c->cpu, p.slices, run_slice, &w);
        run_alone(&p, &s->after);
    }
    kp_cpu_end(c->cpu);
    return KP_OK;
}
