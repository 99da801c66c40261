/* teacher.c - opens a trained net and asks it for logits. */
#include "train/teacher.h"

#include "train/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *floats(struct kp_reals list)
{
    float *v = calloc((size_t)list.count + 1, sizeof(*v));

    for (int64_t i = 0; v && i < list.count; i++)
        v[i] = (float)list.v[i];
    return v;
}

static enum kp_status load(struct kp_teacher *t, const char *weights, struct kp_error *e)
{
    struct kp_safetensors file = {0};
    enum kp_status st = kp_safetensors_open(weights, &file, e);

    if (st != KP_OK)
        return st;
    st = kp_weights_load(t->state, &file, false, false, e);
    kp_safetensors_close(&file);
    return st;
}

enum kp_status kp_teacher_open(const struct kp_model_use *model, int64_t batch, const char *weights,
                               const char *uid, const struct kp_dataset *data,
                               struct kp_device *device, struct kp_teacher **out,
                               struct kp_error *e)
{
    struct kp_model_io io = {sizeof(io), KP_F32, data->shape, data->classes};
    struct kp_teacher *t = calloc(1, sizeof(*t));
    enum kp_status st;

    if (!t)
        return kp_fail(e, KP_E_NOMEM, "no memory for the teacher");
    t->device = device;
    (void)snprintf(t->uid, sizeof(t->uid), "%s", uid);
    t->mean = floats(model->mean);
    t->sd = floats(model->sd);
    if (!t->mean || !t->sd) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for the teacher");
        goto out;
    }
    st = kp_net_create(model->def, model->self, &io, &t->net, e);
    if (st == KP_OK)
        st = kp_state_create(device, t->net, false, &t->state, e);
    if (st == KP_OK)
        st = load(t, weights, e);
    if (st == KP_OK) {
        struct kp_program_spec spec = {.net = t->net, .mode = KP_EVAL, .capacity = batch};
        st = kp_program_create(device, &spec, &t->program, e);
    }
    if (st == KP_OK)
        st = kp_exec_create(t->program, t->state, &t->exec, e);
    if (st == KP_OK) {
        *out = t;
        return KP_OK;
    }
    kp_fail_in(e, "teacher");
out:
    kp_teacher_close(t);
    return st;
}

void kp_teacher_close(struct kp_teacher *t)
{
    if (!t)
        return;
    kp_teacher_table_finish(&t->test);
    kp_exec_destroy(t->exec);
    kp_program_destroy(t->program);
    kp_state_destroy(t->state);
    kp_net_destroy(t->net);
    free(t->mean);
    free(t->sd);
    free(t);
}

enum kp_status kp_teacher_logits(struct kp_teacher *t, const struct kp_load *all, float *out,
                                 struct kp_error *e)
{
    int64_t example = all->channels * all->height * all->width;

    for (int64_t at = 0; at < all->rows; at += t->program->capacity) {
        struct kp_load part = *all;
        enum kp_status st;

        part.rows = all->rows - at < t->program->capacity ? all->rows - at : t->program->capacity;
        part.bytes = all->bytes + at * example;
        part.draws = all->draws ? all->draws + at : NULL;
        part.mean = t->mean;
        part.sd = t->sd;
        kp_exec_load(t->exec, &part);
        st = kp_exec_run(t->exec, part.rows, e);
        if (st != KP_OK)
            return st;
        kp_exec_read(t->exec, t->program->logits, out + at * t->program->classes, part.rows);
    }
    return KP_OK;
}

/* Logits of all examples with one draw, written at `stride` floats. */
static enum kp_status tabulate_draw(struct kp_teacher *t, struct kp_loader *loader,
                                    const struct kp_dataset *data, bool flip, int draws,
                                    struct kp_teacher_table *table, float *batch_logits,
                                    struct kp_draw *draw, bool (*step)(void *, int64_t), void *arg,
                                    struct kp_error *e)
{
    int64_t classes = table->classes;
    int64_t done = 0;
    enum kp_status st = kp_loader_start(loader, 0, 0, e);

    while (st == KP_OK && done < table->count) {
        const struct kp_batch *b = kp_loader_next(loader);
        struct kp_load all = {.bytes = b->pixels,
                              .draws = flip ? draw : NULL,
                              .rows = b->rows,
                              .channels = data->shape.dim[0],
                              .height = data->shape.dim[1],
                              .width = data->shape.dim[2]};

        st = kp_teacher_logits(t, &all, batch_logits, e);
        for (int64_t i = 0; st == KP_OK && i < b->rows; i++)
            memcpy(table->logits + ((done + i) * draws + flip) * classes,
                   batch_logits + i * classes, (size_t)classes * sizeof(float));
        done += b->rows;
        if (st == KP_OK && step && !step(arg, (int64_t)flip * table->count + done))
            st = kp_fail(e, KP_E_INTERRUPTED, "stopped while the teacher was tabulated");
    }
    return st;
}

enum kp_status kp_teacher_tabulate(struct kp_teacher *t, const struct kp_dataset *data,
                                   enum kp_split split, const int64_t *index, int64_t count,
                                   int draws, bool (*step)(void *arg, int64_t done), void *arg,
                                   struct kp_teacher_table *out, struct kp_error *e)
{
    int64_t batch = t->program->capacity;
    struct kp_loader_config config = {.data = data,
                                      .split = split,
                                      .index = index,
                                      .count = count,
                                      .batch = batch,
                                      .order = KP_ORDER_FIXED};
    struct kp_teacher_table table = {.count = count, .classes = data->classes, .draws = draws};
    struct kp_loader *loader = NULL;
    float *logits = calloc((size_t)(batch * data->classes), sizeof(*logits));
    struct kp_draw *draw = calloc((size_t)batch, sizeof(*draw));
    enum kp_status st;

    table.logits = calloc((size_t)(count * draws * data->classes), sizeof(float));
    if (!logits || !draw || !table.logits) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for the teacher's table of %lld examples",
                     (long long)count);
        goto out;
    }
    for (int64_t i = 0; i < batch; i++)
        draw[i].flip = true;
    st = kp_loader_create(&config, &loader, e);
    for (int d = 0; st == KP_OK && d < draws; d++)
        st = tabulate_draw(t, loader, data, d == 1, draws, &table, logits, draw, step, arg, e);
    if (st == KP_OK) {
        *out = table;
        table.logits = NULL;
    }
out:
    kp_loader_destroy(loader);
    free(table.logits);
    free(logits);
    free(draw);
    return st;
}

enum kp_status kp_teacher_test_table(struct kp_teacher *t, const struct kp_dataset *data,
                                     const struct kp_teacher_table **out, struct kp_error *e)
{
    if (!t->test.logits) {
        enum kp_status st =
            kp_teacher_tabulate(t, data, KP_SPLIT_TEST, NULL, data->split[KP_SPLIT_TEST].count, 1,
                                NULL, NULL, &t->test, e);
        if (st != KP_OK)
            return st;
    }
    *out = &t->test;
    return KP_OK;
}

void kp_teacher_table_finish(struct kp_teacher_table *t)
{
    free(t->logits);
    *t = (struct kp_teacher_table){0};
}
