/* stand.c - a model and an objective on a device. */
#include "conform/stand.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 16

static enum kp_status linear_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct kp_stand_model_self *m = self;

    m->weight = kp_param(b, "weight", kp_shape2(io->classes, io->input.dim[io->input.n - 1]),
                         kp_init_normal(0.7));
    return kp_build_status(b);
}

static enum kp_status linear_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                     struct kp_tensor **logits)
{
    const struct kp_stand_model_self *m = self;

    kp_features(t, x);
    *logits = kp_linear(t, x, m->weight, NULL);
    return kp_tape_status(t);
}

const struct kp_model_def kp_stand_model = {
    .size = sizeof(struct kp_model_def),
    .name = "linear",
    .doc = "A linear layer.",
    .self_size = sizeof(struct kp_stand_model_self),
    .build = linear_build,
    .forward = linear_forward,
};

static enum kp_status label_loss(const void *self, struct kp_tape *t,
                                 const struct kp_objective_io *io, struct kp_tensor **loss)
{
    (void)self;
    *loss = kp_weighted_mean(t, kp_cross_entropy(t, io->logits, io->labels), io->weights);
    return kp_tape_status(t);
}

const struct kp_objective_def kp_stand_objective = {
    .size = sizeof(struct kp_objective_def),
    .name = "labels",
    .doc = "Cross-entropy.",
    .formula = "CE(z, y)",
    .loss = label_loss,
};

/* Nothing may depend on what the memory of a program holds before it runs. */
static enum kp_status fill_arena(struct kp_exec *x, int poison, struct kp_error *e)
{
    const struct kp_program *p = x->program;
    const float one = 1.0F;
    float *host = malloc(p->graph.arena_bytes + 1);

    if (!host)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (size_t i = 0; i < p->graph.arena_bytes / sizeof(float); i++)
        host[i] = poison == 0 ? NAN : (float)poison * 1e10F;
    p->device->ops->upload(p->device, x->memory.arena, host, p->graph.arena_bytes);
    free(host);
    if (p->seed)
        kp_exec_write(x, p->seed, &one, 1);
    return KP_OK;
}

static enum kp_status make(struct kp_stand *s, const struct kp_stand_spec *spec, bool trains,
                           struct kp_error *e)
{
    const struct kp_program_spec program = {.net = s->net,
                                            .mode = trains ? KP_TRAIN : KP_EVAL,
                                            .capacity = spec->capacity,
                                            .objective = trains ? spec->objective : NULL,
                                            .objective_self = spec->objective_self};
    struct kp_program **p = trains ? &s->train : &s->eval;
    struct kp_exec **x = trains ? &s->training : &s->evaluation;
    enum kp_status st = kp_program_create(s->device, &program, p, e);

    if (st == KP_OK)
        st = kp_exec_create(*p, s->state, x, e);
    return st == KP_OK ? fill_arena(*x, spec->poison, e) : st;
}

enum kp_status kp_stand_open(const struct kp_stand_spec *spec, struct kp_stand *out,
                             struct kp_error *e)
{
    const struct kp_device_config config = {.threads = 1, .slice = SLICE};
    struct kp_stand s = {.objective = spec->objective, .objective_self = spec->objective_self};
    enum kp_status st = kp_device_open(spec->device, &config, &s.device, e);

    if (st == KP_OK)
        st = kp_net_create(spec->model, spec->model_self, spec->io, spec->ops, &s.net, e);
    if (st == KP_OK)
        st = kp_state_create(s.device, s.net, spec->objective != NULL, &s.state, e);
    if (st == KP_OK)
        st = kp_state_init(s.state, spec->seed, KP_ROLE_STUDENT, e);
    if (st == KP_OK && spec->objective)
        st = make(&s, spec, true, e);
    if (st == KP_OK && spec->evaluates)
        st = make(&s, spec, false, e);
    if (st == KP_OK)
        *out = s;
    else
        kp_stand_close(&s);
    return st;
}

void kp_stand_close(struct kp_stand *s)
{
    kp_exec_destroy(s->training);
    kp_exec_destroy(s->evaluation);
    kp_program_destroy(s->train);
    kp_program_destroy(s->eval);
    kp_state_destroy(s->state);
    kp_net_destroy(s->net);
    kp_device_close(s->device);
    *s = (struct kp_stand){0};
}

enum kp_status kp_stand_train(struct kp_stand *s, const struct kp_feed *f, int64_t batch, double lr,
                              double *loss, struct kp_error *e)
{
    const struct kp_program *p = s->train;
    float value = NAN;

    kp_exec_write(s->training, p->x, f->x, batch);
    kp_exec_write(s->training, p->labels, f->labels, batch);
    kp_exec_write(s->training, p->weights, f->weights, batch);
    if (p->teacher_logits)
        kp_exec_write(s->training, p->teacher_logits, f->teacher, batch);
    s->training->memory.scalars[KP_SCALAR_LR] = lr;
    enum kp_status st = kp_exec_run(s->training, batch, e);
    if (st != KP_OK)
        return st;
    kp_exec_read(s->training, p->loss, &value, 1);
    *loss = (double)value;
    return KP_OK;
}

enum kp_status kp_stand_evaluate(struct kp_stand *s, const struct kp_feed *f, int64_t batch,
                                 struct kp_error *e)
{
    kp_exec_write(s->evaluation, s->eval->x, f->x, batch);
    return kp_exec_run(s->evaluation, batch, e);
}

int64_t kp_stand_count(const struct kp_program *p, const struct kp_value *v, int64_t batch)
{
    int64_t count = kp_shape_count(v->shape);

    return v->batched ? count / p->capacity * batch : count;
}

static enum kp_status hash_block(const struct kp_stand *s, const void *block, size_t bytes,
                                 struct kp_hasher *h, struct kp_error *e)
{
    void *host = malloc(bytes + 1);

    if (!host)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    if (bytes > 0)
        s->device->ops->download(s->device, host, block, bytes);
    kp_hasher_add(h, host, bytes);
    free(host);
    return KP_OK;
}

static enum kp_status hash_state(const struct kp_stand *s, struct kp_hasher *h, struct kp_error *e)
{
    enum kp_status st = hash_block(s, s->state->params, s->net->params.bytes, h, e);

    return st == KP_OK ? hash_block(s, s->state->buffers, s->net->buffers.bytes, h, e) : st;
}

static enum kp_status hash_value(const struct kp_exec *x, const struct kp_value *v, int64_t batch,
                                 struct kp_hasher *h, struct kp_error *e)
{
    size_t bytes = (size_t)kp_stand_count(x->program, v, batch) * sizeof(float);
    float *host = malloc(bytes + 1);

    if (!host)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    kp_exec_read(x, v, host, batch);
    kp_hasher_add(h, host, bytes);
    free(host);
    return KP_OK;
}

enum kp_status kp_stand_run(struct kp_stand *s, const struct kp_feed *f, int64_t batch,
                            struct kp_hasher *h, struct kp_error *e)
{
    const struct kp_program_spec again = {.net = s->net,
                                          .mode = KP_TRAIN,
                                          .capacity = batch + 1,
                                          .objective = s->objective,
                                          .objective_self = s->objective_self};
    struct kp_program *p = NULL;
    enum kp_status st = kp_program_create(s->device, &again, &p, e);
    double loss;

    kp_program_destroy(p);
    for (int step = 0; st == KP_OK && step < 2; step++) {
        st = kp_stand_train(s, f, batch, 0.1, &loss, e);
        if (st == KP_OK)
            kp_hasher_add(h, &loss, sizeof(loss));
    }
    if (st == KP_OK)
        st = hash_state(s, h, e);
    if (st == KP_OK && s->eval)
        st = kp_stand_evaluate(s, f, batch, e);
    if (st == KP_OK && s->eval)
        st = hash_value(s->evaluation, s->eval->logits, batch, h, e);
    return st;
}
