/* teacher.c - opens a trained net and asks it for logits. */
#include "train/teacher.h"

#include "train/evaluate.h"
#include "train/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum kp_status make_headless(struct kp_teacher *t, struct kp_error *e)
{
    const struct kp_program_spec spec = {.net = t->net,
                                         .mode = KP_EVAL,
                                         .capacity = t->program->capacity,
                                         .precision = t->precision,
                                         .without_logits = true};
    enum kp_status st = kp_program_create(t->device, &spec, &t->headless, e);

    if (st == KP_OK && t->headless->head_weight)
        return kp_exec_create(t->headless, t->state, &t->headless_exec, e);
    kp_program_destroy(t->headless);
    t->headless = NULL;
    return st;
}

enum kp_status kp_teacher_open(const struct kp_model_use *model, int64_t batch,
                               enum kp_precision precision, const char *weights, const char *uid,
                               const struct kp_dataset *data, struct kp_device *device,
                               struct kp_teacher **out, struct kp_error *e)
{
    struct kp_teacher *t = calloc(1, sizeof(*t));
    enum kp_status st;

    if (!t)
        return kp_fail(e, KP_E_NOMEM, "no memory for the teacher");
    t->device = device;
    t->precision = precision;
    (void)snprintf(t->uid, sizeof(t->uid), "%s", uid);
    t->mean = kp_channel_floats(model->mean);
    t->sd = kp_channel_floats(model->sd);
    if (!t->mean || !t->sd) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for the teacher");
        goto out;
    }
    st = kp_model_build(model, data, &t->net, e);
    if (st == KP_OK)
        st = kp_state_create(device, t->net, false, &t->state, e);
    if (st == KP_OK)
        st = kp_hash_file(weights, t->sha256, e);
    if (st == KP_OK)
        st = kp_weights_read(t->state, weights, NULL, e);
    if (st == KP_OK) {
        struct kp_program_spec spec = {.net = t->net,
                                       .mode = KP_EVAL,
                                       .capacity = kp_eval_batch(batch, data),
                                       .precision = precision};
        st = kp_program_create(device, &spec, &t->program, e);
    }
    if (st == KP_OK)
        st = kp_exec_create(t->program, t->state, &t->exec, e);
    if (st == KP_OK && kp_dataset_is_text(data))
        st = make_headless(t, e);
    t->example_logits = kp_dataset_rows(data, 1) * data->classes;
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
    for (int i = 0; i < KP_SPLITS * 2; i++)
        free(t->table[i / 2][i % 2]);
    kp_exec_destroy(t->exec);
    kp_exec_destroy(t->headless_exec);
    kp_program_destroy(t->program);
    kp_program_destroy(t->headless);
    kp_state_destroy(t->state);
    kp_net_destroy(t->net);
    free(t->mean);
    free(t->sd);
    free(t);
}

/* Reads `what`, of `each` numbers an example, after every pass. */
static enum kp_status ask(const struct kp_teacher *t, struct kp_exec *x,
                          const struct kp_value *what, int64_t each, const struct kp_load *all,
                          float *out, struct kp_error *e)
{
    const int64_t room = x->program->capacity;

    for (int64_t at = 0; at < all->rows; at += room) {
        const int64_t left = all->rows - at;
        struct kp_load part = kp_load_part(all, at, left < room ? left : room);
        enum kp_status st;

        part.mean = t->mean;
        part.sd = t->sd;
        kp_exec_load(x, &part);
        st = kp_exec_run(x, part.rows, e);
        if (st != KP_OK)
            return st;
        kp_exec_read(x, what, out + at * each, part.rows);
    }
    return KP_OK;
}

enum kp_status kp_teacher_logits(struct kp_teacher *t, const struct kp_load *load, float *out,
                                 struct kp_error *e)
{
    return ask(t, t->exec, t->program->logits, t->example_logits, load, out, e);
}

enum kp_status kp_teacher_features(struct kp_teacher *t, const struct kp_load *load, float *out,
                                   struct kp_error *e)
{
    const struct kp_value *v = t->headless->features;

    return ask(t, t->headless_exec, v, kp_shape_count(v->shape) / v->shape.dim[0], load, out, e);
}
