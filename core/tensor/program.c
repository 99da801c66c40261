/* program.c - from a model's and an objective's recording to runnable code. */
#include "tensor/program.h"

#include "tensor/differentiate.h"
#include "tensor/flops.h"
#include "tensor/place.h"
#include "tensor/tape.h"

#include <stdlib.h>

static struct kp_shape batch_of(int64_t n, struct kp_shape example)
{
    struct kp_shape s = {.n = example.n + 1, .dim = {n}};

    for (int32_t i = 0; i < example.n; i++)
        s.dim[i + 1] = example.dim[i];
    return s;
}

static void keep(struct kp_value *v)
{
    if (v) {
        v->output = true;
        if (v->alias)
            v->alias->output = true;
    }
}

static enum kp_status record_model(struct kp_program *p, struct kp_recording *r,
                                   struct kp_tensor **logits, struct kp_error *e)
{
    const struct kp_net *net = p->net;
    struct kp_tensor *x =
        kp_recording_input(r, "x", net->io.dtype, batch_of(p->capacity, net->io.input), true);

    if (!x)
        return e->status;
    p->x = x->value;
    enum kp_status st = net->def->forward(net->self, &r->tape, x, logits);
    if (e->status == KP_OK && st != KP_OK)
        kp_fail(e, st, "forward failed without saying why");
    if (e->status == KP_OK && (!*logits || !(*logits)->value))
        kp_fail(e, KP_E_INVALID, "forward gives no logits");
    if (e->status == KP_OK &&
        !kp_shape_equal((*logits)->value->shape, kp_shape2(p->capacity, p->classes)))
        kp_fail(e, KP_E_SHAPE, "the logits are not (N, %lld)", (long long)p->classes);
    if (e->status != KP_OK)
        return kp_fail_in(e, "model '%s'", net->def->name);
    p->logits = (*logits)->value;
    p->features = r->features;
    keep(p->logits);
    keep(p->features);
    return KP_OK;
}

static enum kp_status record_objective(struct kp_program *p, const struct kp_program_spec *spec,
                                       struct kp_recording *r, struct kp_tensor *logits,
                                       struct kp_error *e)
{
    const struct kp_objective_def *o = spec->objective;
    struct kp_shape rows = kp_shape1(p->capacity);
    struct kp_tensor features = {.value = r->features};
    struct kp_objective_io io = {.size = sizeof(io), .logits = logits};
    struct kp_tensor *loss = NULL;

    io.features = r->features ? &features : NULL;
    io.labels = kp_recording_input(r, "labels", KP_I32, rows, true);
    io.weights = kp_recording_input(r, "weights", KP_F32, rows, true);
    if (o->needs & KP_NEED_TEACHER_LOGITS)
        io.teacher_logits = kp_recording_input(r, "teacher_logits", KP_F32, p->logits->shape, true);
    struct kp_tensor *seed = kp_recording_input(r, "seed", KP_F32, (struct kp_shape){0}, false);
    if (e->status != KP_OK)
        return e->status;
    p->labels = io.labels->value;
    p->weights = io.weights->value;
    p->teacher_logits = io.teacher_logits ? io.teacher_logits->value : NULL;
    p->seed = seed->value;

    enum kp_status st = o->loss(spec->objective_self, &r->tape, &io, &loss);
    if (e->status == KP_OK && st != KP_OK)
        kp_fail(e, st, "loss failed without saying why");
    if (e->status == KP_OK && (!loss || !loss->value || loss->value->shape.n != 0))
        kp_fail(e, KP_E_SHAPE, "the loss is no scalar");
    if (e->status != KP_OK)
        return kp_fail_in(e, "objective '%s'", o->name);
    p->loss = loss->value;
    keep(p->loss);
    return KP_OK;
}

static enum kp_status append_sgd(struct kp_graph *g, const struct kp_sgd *sgd, struct kp_error *e)
{
    struct kp_node *n = kp_graph_node(g, KP_OP_SGD);

    if (!n)
        return kp_fail(e, KP_E_NOMEM, "no memory for the optimizer");
    n->attrs.momentum = sgd->momentum;
    n->attrs.weight_decay = sgd->weight_decay;
    n->attrs.nesterov = sgd->nesterov;
    return KP_OK;
}

static enum kp_status make(struct kp_program *p, const struct kp_program_spec *spec,
                           struct kp_error *e)
{
    const struct kp_device_ops *ops = p->device->ops;
    struct kp_graph *g = &p->graph;
    struct kp_recording rec;
    struct kp_tensor *logits = NULL;
    enum kp_status st = kp_recording_init(&rec, g, p->net, e);

    if (st == KP_OK)
        st = record_model(p, &rec, &logits, e);
    if (st == KP_OK && p->trains)
        st = record_objective(p, spec, &rec, logits, e);
    if (st != KP_OK)
        return st;
    kp_graph_prune(g);
    p->forward_flops = kp_graph_forward_flops(g);
    st = ops->fuse(p->device, g, e);
    if (st == KP_OK && p->trains)
        st = kp_differentiate(g, p->loss, p->seed, e);
    if (st == KP_OK && p->trains)
        st = append_sgd(g, &spec->sgd, e);
    if (st != KP_OK)
        return st;
    kp_graph_prune(g);
    st = ops->plan(p->device, g, e);
    if (st == KP_OK)
        st = kp_graph_place(g, e);
    if (st == KP_OK)
        st = ops->lower(p->device, g, &p->code, e);
    return st;
}

enum kp_status kp_program_create(struct kp_device *device, const struct kp_program_spec *spec,
                                 struct kp_program **out, struct kp_error *e)
{
    struct kp_error why = {0};
    struct kp_program *p = calloc(1, sizeof(*p));

    if (!p)
        return kp_fail(e, KP_E_NOMEM, "no memory for a program");
    p->device = device;
    p->net = spec->net;
    p->capacity = spec->capacity;
    p->classes = spec->net->io.classes;
    p->trains = spec->objective != NULL;
    p->slots = p->trains && spec->sgd.momentum != 0.0;
    p->graph.mode = spec->mode;
    p->graph.capacity = spec->capacity;
    p->graph.param_bytes = spec->net->params.bytes;
    p->graph.buffer_bytes = spec->net->buffers.bytes;
    if (make(p, spec, &why) != KP_OK) {
        kp_program_destroy(p);
        return kp_fail(e, why.status, "%s", why.text);
    }
    *out = p;
    return KP_OK;
}

void kp_program_destroy(struct kp_program *p)
{
    if (!p)
        return;
    if (p->code)
        p->device->ops->code_destroy(p->code);
    kp_arena_finish(&p->graph.memory);
    free(p);
}

enum kp_status kp_net_forward_flops(const struct kp_net *net, double *out, struct kp_error *e)
{
    struct kp_error why = {0};
    struct kp_program p = {.net = net, .capacity = 1, .classes = net->io.classes};
    struct kp_recording rec;
    struct kp_tensor *logits = NULL;
    enum kp_status st;

    p.graph.mode = KP_EVAL;
    p.graph.capacity = 1;
    st = kp_recording_init(&rec, &p.graph, net, &why);
    if (st == KP_OK)
        st = record_model(&p, &rec, &logits, &why);
    if (st == KP_OK)
        *out = kp_graph_forward_flops(&p.graph);
    kp_arena_finish(&p.graph.memory);
    return st == KP_OK ? KP_OK : kp_fail(e, why.status, "%s", why.text);
}
