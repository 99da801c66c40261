/* program.c - from a model's and an objective's recording to runnable code. */
#include "tensor/program.h"

#include "base/running.h"
#include "tensor/differentiate.h"
#include "tensor/flops.h"
#include "tensor/freeze.h"
#include "tensor/head.h"
#include "tensor/place.h"
#include "tensor/record.h"

#include <stdlib.h>

static struct kp_shape batch_of(int64_t n, struct kp_shape example)
{
    struct kp_shape s = {.n = example.n + 1, .dim = {n}};

    for (int32_t i = 0; i < example.n; i++)
        s.dim[i + 1] = example.dim[i];
    return s;
}

/* (N, labels...), and with the classes behind it */
static struct kp_shape rows_of(const struct kp_program *p)
{
    return batch_of(p->capacity, p->net->io.labels);
}

static struct kp_shape logits_of(const struct kp_program *p)
{
    struct kp_shape s = rows_of(p);

    s.dim[s.n++] = p->classes;
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
    enum kp_status st;
    KP_IN_PLUGIN("model", net->def->name, "forward",
                 st = net->def->forward(net->self, &r->tape, x, logits));
    if (e->status == KP_OK && st != KP_OK)
        kp_fail(e, st, "forward failed without saying why");
    if (e->status == KP_OK && (!*logits || !(*logits)->value))
        kp_fail(e, KP_E_INVALID, "forward gives no logits");
    if (e->status == KP_OK && !kp_shape_equal((*logits)->value->shape, logits_of(p)))
        kp_fail(e, KP_E_SHAPE, "the logits are not (N%s, %lld)", net->io.labels.n > 0 ? ", T" : "",
                (long long)p->classes);
    if (e->status != KP_OK)
        return kp_fail_in(e, "model '%s'", net->def->name);
    p->logits = (*logits)->value;
    p->features = r->features;
    keep(p->features);
    return KP_OK;
}

/* Inner tensors stay readable to the end. Names live in the graph's memory. */
static void keep_taps(struct kp_program *p, const struct kp_recording *r)
{
    for (int i = 0; i < r->tap_count; i++) {
        p->taps[p->tap_count++] = r->taps[i];
        keep(r->taps[i].value);
    }
}

/* The features are enough. Of the logits remains how they are made, where that is simple. */
static void drop_logits(struct kp_program *p, const struct kp_recording *r)
{
    const struct kp_node *head = kp_head_find(r, p->logits);

    if (!p->features)
        return;
    if (head && head->in[0] == p->features && kp_head_is_of_parameters(head)) {
        p->head_weight = head->in[1];
        p->head_bias = head->in[2];
    }
    p->logits->output = false;
    p->logits = NULL;
    keep(p->features);
    for (int i = 0; i < p->tap_count; i++)
        keep(p->taps[i].value); /* one may be the logits */
    kp_graph_prune(&p->graph);
}

static enum kp_status record_cotangent(struct kp_program *p, struct kp_recording *r,
                                       struct kp_error *e)
{
    struct kp_tensor *c = kp_recording_input(r, "cotangent", KP_F32, p->logits->shape, true);

    if (!c)
        return e->status;
    p->cotangent = c->value;
    return KP_OK;
}

/* The loss of rows of logits, in one operation with its gradient. */
static struct kp_node *record_row_loss(const struct kp_program *p, struct kp_recording *r)
{
    struct kp_value *in[] = {p->logits, p->labels, p->teacher_logits, p->weights, p->seed};
    struct kp_node *n = kp_record_node(r, KP_OP_ROW_LOSS, (struct kp_shape){0}, false, 5, in);

    if (!n)
        return NULL;
    n->out[1] = kp_graph_value(r->graph, KP_F32, in[0]->shape, true);
    if (!n->out[1])
        kp_record_out_of_memory(r);
    return n;
}

/* The same together with the head, in place of the logits. */
static struct kp_node *record_head_loss(struct kp_program *p, struct kp_recording *r,
                                        const struct kp_node *head)
{
    struct kp_value *const in[KP_NODE_IN] = {
        [KP_HEAD_X] = head->in[0],
        [KP_HEAD_W] = head->in[1],
        [KP_HEAD_B] = head->in[2],
        [KP_HEAD_LABELS] = p->labels,
        [KP_HEAD_WEIGHTS] = p->weights,
        [KP_HEAD_DY] = p->seed,
        [KP_HEAD_T] = p->teacher_features ? p->teacher_features : p->teacher_logits,
        [KP_HEAD_TW] = p->teacher_weight,
        [KP_HEAD_TB] = p->teacher_bias,
    };

    p->logits = NULL;
    return kp_record_node(r, KP_OP_HEAD_LOSS, (struct kp_shape){0}, false, KP_NODE_IN, in);
}

/* The loss of a row function; head: NULL where the logits are to exist. */
static struct kp_tensor *record_rows(struct kp_program *p, const struct kp_program_spec *spec,
                                     struct kp_recording *r, const struct kp_node *head)
{
    struct kp_node *n = head ? record_head_loss(p, r, head) : record_row_loss(p, r);

    if (!n)
        return NULL;
    n->attrs.row = kp_objective_row(spec->objective);
    n->attrs.row_self = spec->objective_self;
    n->attrs.row_self_size = spec->objective->self_size;
    n->attrs.row_name = spec->objective->name;
    return kp_record_result(r, n);
}

/* Features and head of the teacher. */
static void record_teacher(struct kp_program *p, struct kp_recording *r,
                           const struct kp_program *teacher)
{
    struct kp_shape features = teacher->features->shape;
    struct kp_tensor *t[3] = {0};

    features.dim[0] = p->capacity;
    t[0] = kp_recording_input(r, "teacher_features", KP_F32, features, true);
    t[1] = kp_recording_input(r, "teacher_weight", KP_F32, teacher->head_weight->shape, false);
    if (teacher->head_bias)
        t[2] = kp_recording_input(r, "teacher_bias", KP_F32, teacher->head_bias->shape, false);
    p->teacher_features = t[0] ? t[0]->value : NULL;
    p->teacher_weight = t[1] ? t[1]->value : NULL;
    p->teacher_bias = t[2] ? t[2]->value : NULL;
}

static enum kp_status record_objective(struct kp_program *p, const struct kp_program_spec *spec,
                                       struct kp_recording *r, struct kp_tensor *logits,
                                       struct kp_error *e)
{
    const struct kp_objective_def *o = spec->objective;
    struct kp_shape rows = rows_of(p);
    struct kp_tensor features = {.value = r->features};
    struct kp_objective_io io = {.size = sizeof(io), .logits = logits, .rows = rows};
    const bool chunks = spec->chunk_head && rows.n > 1 && kp_objective_row(o);
    const struct kp_node *head = chunks ? kp_head_find(r, logits->value) : NULL;
    struct kp_tensor *loss = NULL;

    io.features = r->features ? &features : NULL;
    io.labels = kp_recording_input(r, "labels", KP_I32, rows, true);
    io.weights = kp_recording_input(r, "weights", KP_F32, rows, true);
    if (head && o->needs & KP_NEED_TEACHER_LOGITS &&
        kp_head_teaches(spec->teacher, p->classes, rows))
        record_teacher(p, r, spec->teacher);
    else if (o->needs & KP_NEED_TEACHER_LOGITS)
        io.teacher_logits = kp_recording_input(r, "teacher_logits", KP_F32, p->logits->shape, true);
    struct kp_tensor *seed = kp_recording_input(r, "seed", KP_F32, (struct kp_shape){0}, false);
    if (e->status != KP_OK)
        return e->status;
    p->labels = io.labels->value;
    p->weights = io.weights->value;
    p->teacher_logits = io.teacher_logits ? io.teacher_logits->value : NULL;
    p->seed = seed->value;

    enum kp_status st = KP_OK;
    if (kp_objective_row(o))
        loss = record_rows(p, spec, r, head);
    else
        KP_IN_PLUGIN("objective", o->name, "loss",
                     st = o->loss(spec->objective_self, &r->tape, &io, &loss));
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

/* The optimizer's step over all parameters, after clipping if asked for. */
static enum kp_status append_optimizer(struct kp_program *p, const struct kp_program_spec *spec,
                                       struct kp_error *e)
{
    const struct kp_optimizer *o = &spec->optimizer;
    struct kp_graph *g = &p->graph;
    struct kp_node *sum = spec->accumulate ? kp_graph_node(g, KP_OP_ACCUMULATE) : NULL;
    struct kp_node *clip = o->clip_norm > 0 ? kp_graph_node(g, KP_OP_CLIP) : NULL;
    struct kp_value *scale = clip ? kp_graph_value(g, KP_F32, (struct kp_shape){0}, false) : NULL;
    struct kp_node *n = kp_graph_node(g, o->kind == KP_OPTIMIZER_SGD ? KP_OP_SGD : KP_OP_ADAM);

    if (!n || (spec->accumulate && !sum) || (o->clip_norm > 0 && !scale) ||
        !kp_frozen_extents(p->net, spec->freeze, &g->memory, &n->attrs.frozen,
                           &n->attrs.frozen_count))
        return kp_fail(e, KP_E_NOMEM, "no memory for the optimizer");
    if (clip) {
        clip->attrs.clip_norm = o->clip_norm;
        clip->out[0] = scale;
    }
    n->in[0] = scale;
    n->attrs.momentum = o->momentum;
    n->attrs.nesterov = o->nesterov;
    n->attrs.beta1 = o->beta1;
    n->attrs.beta2 = o->beta2;
    n->attrs.eps = o->eps;
    n->attrs.weight_decay = o->weight_decay;
    n->attrs.decoupled = o->kind == KP_OPTIMIZER_ADAMW;
    p->slots = kp_optimizer_slots(n);
    p->accumulates = spec->accumulate;
    return KP_OK;
}

static enum kp_status choose_counters(struct kp_program *p, const char *freeze, struct kp_error *e)
{
    const struct kp_net *net = p->net;
    bool *counts = kp_arena_new(&p->graph.memory, bool, net->counter_count + 1);

    if (!counts)
        return kp_fail(e, KP_E_NOMEM, "no memory for a program");
    for (int64_t i = 0; i < net->counter_count; i++)
        counts[i] = !kp_has_prefix_of(freeze, net->counters[i]);
    p->counts = counts;
    return KP_OK;
}

static enum kp_status make(struct kp_program *p, const struct kp_program_spec *spec,
                           struct kp_error *e)
{
    const struct kp_device_ops *ops = p->device->ops;
    const bool bf16 = spec->precision == KP_PRECISION_BF16;
    struct kp_graph *g = &p->graph;
    struct kp_recording rec;
    struct kp_tensor *logits = NULL;
    enum kp_status st = kp_recording_init(&rec, g, p->net, e);

    rec.freeze = spec->freeze;
    if (st == KP_OK)
        st = record_model(p, &rec, &logits, e);
    if (st == KP_OK && p->trains)
        st = record_objective(p, spec, &rec, logits, e);
    if (st == KP_OK && spec->taps)
        keep_taps(p, &rec);
    keep(p->logits);
    if (st == KP_OK && spec->cotangent)
        st = record_cotangent(p, &rec, e);
    if (st != KP_OK)
        return st;
    kp_graph_prune(g);
    if (!kp_graph_flops(g, &p->flops))
        return kp_fail(e, KP_E_NOMEM, "no memory for a program");
    if (spec->without_logits)
        drop_logits(p, &rec);
    if (bf16)
        st = kp_graph_round(g, e);
    if (st == KP_OK)
        st = ops->fuse(p->device, g, e);
    if (st == KP_OK && p->trains)
        st = kp_differentiate(g, p->loss, p->seed, e);
    if (st == KP_OK && p->cotangent)
        st = kp_differentiate(g, p->logits, p->cotangent, e);
    if (st == KP_OK && bf16)
        st = kp_graph_round(g, e);
    if (st == KP_OK && p->trains)
        st = append_optimizer(p, spec, e);
    if (st == KP_OK && p->trains)
        st = choose_counters(p, spec->freeze, e);
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

enum kp_status kp_net_flops(const struct kp_net *net, const char *freeze, struct kp_flops *out,
                            struct kp_error *e)
{
    struct kp_error why = {0};
    struct kp_program p = {.net = net, .capacity = 1, .classes = net->io.classes};
    struct kp_recording rec;
    struct kp_tensor *logits = NULL;
    enum kp_status st;

    p.graph.mode = KP_EVAL;
    p.graph.capacity = 1;
    st = kp_recording_init(&rec, &p.graph, net, &why);
    rec.freeze = freeze;
    if (st == KP_OK)
        st = record_model(&p, &rec, &logits, &why);
    if (st == KP_OK && !kp_graph_flops(&p.graph, out))
        st = kp_fail(&why, KP_E_NOMEM, "no memory for a program");
    kp_arena_finish(&p.graph.memory);
    return st == KP_OK ? KP_OK : kp_fail(e, why.status, "%s", why.text);
}
