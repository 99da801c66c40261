/* evaluate.c - a clean pass over examples. */
#include "train/evaluate.h"

#include "data/loader.h"

#include <stdlib.h>
#include <string.h>

/* The teacher's unflipped logits for rows [at, at + rows) of the list, contiguous in `out`. */
static void teacher_rows(const struct kp_taught *t, int64_t at, int64_t rows, float *out)
{
    size_t row = (size_t)t->classes * sizeof(float);

    for (int64_t i = 0; i < rows; i++)
        memcpy(out + i * t->classes, kp_taught_logits(t, at + i, false), row);
}

enum kp_status kp_evaluate(const struct kp_evaluation *v, struct kp_observers *o,
                           struct kp_error *e)
{
    const struct kp_program *p = v->exec->program;
    struct kp_loader_config config = {.data = v->data,
                                      .split = v->split,
                                      .index = v->index,
                                      .count = v->count,
                                      .batch = p->capacity,
                                      .order = KP_ORDER_FIXED};
    size_t cells = (size_t)(p->capacity * p->classes);
    float *logits = calloc(cells, sizeof(*logits));
    float *teacher = calloc(cells, sizeof(*teacher));
    struct kp_loader *loader = NULL;
    enum kp_status st;

    if (!logits || !teacher) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to evaluate");
        goto out;
    }
    st = kp_loader_create(&config, &loader, e);
    if (st == KP_OK)
        st = kp_loader_start(loader, 0, 0, e);
    kp_observers_reset(o);
    for (int64_t done = 0; st == KP_OK && done < v->count;) {
        const struct kp_batch *b = NULL;

        st = kp_loader_next(loader, &b, e);
        if (st != KP_OK)
            break;
        const struct kp_load load = kp_batch_load(v->data, b, v->mean, v->sd);
        struct kp_rows rows = {sizeof(rows), b->rows, p->classes, logits, NULL, b->labels};

        kp_exec_load(v->exec, &load);
        st = kp_exec_run(v->exec, b->rows, e);
        if (st != KP_OK)
            break;
        kp_exec_read(v->exec, p->logits, logits, b->rows);
        if (v->teacher) {
            teacher_rows(v->teacher, done, b->rows, teacher);
            rows.teacher_logits = teacher;
        }
        kp_observers_observe(o, &rows);
        done += b->rows;
        if (v->step && !v->step(v->arg, done))
            st = kp_fail(e, KP_E_INTERRUPTED, "stopped while evaluating");
    }
out:
    kp_loader_destroy(loader);
    free(logits);
    free(teacher);
    return st;
}
