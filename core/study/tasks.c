/* tasks.c - what is missing of a plan, cut into pieces for separate processes. */
#include "study/tasks.h"

#include <stdlib.h>
#include <string.h>

enum { DONE = -1 };

/* The stage of each training, DONE for those that need none. What a run needs stands before it in
 * the plan. */
static int find_stages(const struct kp_plan *p, int *stage)
{
    int stages = 0;

    for (int64_t i = 0; i < p->count; i++) {
        const struct kp_planned *r = &p->runs[i];
        const int64_t needed[] = {r->teacher.run, r->init.run};

        stage[i] = DONE;
        if (r->analysis || r->state == KP_PLANNED_DONE)
            continue;
        stage[i] = 0;
        for (size_t k = 0; k < sizeof(needed) / sizeof(needed[0]); k++)
            if (needed[k] >= 0 && stage[needed[k]] >= stage[i])
                stage[i] = stage[needed[k]] + 1;
        if (stage[i] >= stages)
            stages = stage[i] + 1;
    }
    return stages;
}

/* The task of run i and of those behind it that go with it; they leave the stages. */
static void add_task(const struct kp_plan *p, int *stage, int64_t i, int64_t *room,
                     struct kp_tasks *t)
{
    struct kp_task *task = &t->v[t->count++];
    const char *cohort = p->runs[i].cohort;
    const int of = stage[i];

    *task = (struct kp_task){.stage = of, .runs = room};
    for (int64_t k = i; k < p->count; k++) {
        if (stage[k] != of || (k != i && (!*cohort || strcmp(p->runs[k].cohort, cohort) != 0)))
            continue;
        task->runs[task->count++] = k;
        stage[k] = DONE;
    }
}

enum kp_status kp_tasks_make(const struct kp_plan *p, struct kp_tasks *out, struct kp_error *e)
{
    struct kp_tasks t = {.v = calloc((size_t)p->count + 1, sizeof(*t.v)),
                         .runs = calloc((size_t)p->count + 1, sizeof(*t.runs))};
    int *stage = calloc((size_t)p->count + 1, sizeof(*stage));
    int64_t used = 0;

    if (!t.v || !t.runs || !stage) {
        free(stage);
        kp_tasks_finish(&t);
        return kp_fail(e, KP_E_NOMEM, "no memory for the tasks of a plan");
    }
    t.stages = find_stages(p, stage);
    for (int s = 0; s < t.stages; s++)
        for (int64_t i = 0; i < p->count; i++)
            if (stage[i] == s) {
                add_task(p, stage, i, t.runs + used, &t);
                used += t.v[t.count - 1].count;
            }
    free(stage);
    *out = t;
    return KP_OK;
}

void kp_tasks_finish(struct kp_tasks *t)
{
    free(t->v);
    free(t->runs);
    *t = (struct kp_tasks){0};
}
