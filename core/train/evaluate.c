/* evaluate.c - a clean pass over examples. */
#include "train/evaluate.h"

#include "data/loader.h"

#include <stdlib.h>
#include <string.h>

#define LOGITS_MAX (INT64_C(64) << 20)

int64_t kp_eval_batch(int64_t wanted, const struct kp_dataset *data)
{
    const int64_t example = kp_dataset_rows(data, 1) * data->classes * (int64_t)sizeof(float);
    const int64_t most = LOGITS_MAX / example;

    return wanted < most ? wanted : most > 1 ? most : 1;
}

/* The teacher's logits for a batch that begins at position `at` of the list, if there is one. */
static enum kp_status ask_teacher(const struct kp_evaluation *v, int64_t at,
                                  const struct kp_load *load, float *out, struct kp_error *e)
{
    const struct kp_taught *t = v->teacher;

    if (v->live)
        return kp_teacher_logits(v->live, load, out, e);
    for (int64_t i = 0; t && i < load->rows; i++)
        memcpy(out + i * t->classes, kp_taught_logits(t, at + i, false),
               (size_t)t->classes * sizeof(float));
    return KP_OK;
}

static int64_t count_labelled(const struct kp_rows *rows)
{
    int64_t count = 0;

    for (int64_t i = 0; i < rows->count; i++)
        count += rows->labels[i] >= 0;
    return count;
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
    size_t cells = (size_t)(kp_dataset_rows(v->data, p->capacity) * p->classes);
    float *logits = calloc(cells, sizeof(*logits));
    float *teacher = calloc(cells, sizeof(*teacher));
    struct kp_loader *loader = NULL;
    int64_t labelled = 0;
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
        const struct kp_rows rows = {.size = sizeof(rows),
                                     .count = kp_dataset_rows(v->data, b->rows),
                                     .classes = p->classes,
                                     .logits = logits,
                                     .teacher_logits = v->teacher || v->live ? teacher : NULL,
                                     .labels = b->labels,
                                     .length = v->data->made.length};

        kp_exec_load(v->exec, &load);
        st = kp_exec_run(v->exec, b->rows, e);
        if (st != KP_OK)
            break;
        kp_exec_read(v->exec, p->logits, logits, b->rows);
        st = ask_teacher(v, done, &load, teacher, e);
        if (st != KP_OK)
            break;
        kp_observers_observe(o, &rows, p->device);
        labelled += count_labelled(&rows);
        done += b->rows;
        if (v->step && !v->step(v->arg, done))
            st = kp_fail(e, KP_E_INTERRUPTED, "stopped while evaluating");
    }
    if (st == KP_OK && v->labelled)
        *v->labelled = labelled;
out:
    kp_loader_destroy(loader);
    free(logits);
    free(teacher);
    return st;
}
