/* test_head.c - the head and the loss of a language model in chunks of rows: the same numbers as
 * with logits that exist, the same bits with any number of threads, and less memory. */
#include "support/rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS  67
#define TOKENS 90
#define BATCH  7 /* 630 rows: two chunks */
#define ROWS   6 /* examples that count */
#define SMALL  "width=12;depth=1;heads=2;head_width=4;mlp=16;context=90"

/* A net at work. */
struct worker {
    struct kp_net *net;
    struct kp_program *program;
    struct kp_state *state;
    struct kp_exec *exec;
};

struct world {
    struct rig rig;
    struct kp_device *device;
    int64_t words;
    struct worker student, teacher;
};

static void must(enum kp_status st, const struct kp_error *e)
{
    if (st != KP_OK)
        fail_msg("%s", e->text);
}

static void make(struct world *w, struct worker *k, const char *options,
                 struct kp_program_spec spec)
{
    const struct kp_model_io io = {.size = sizeof(io),
                                   .dtype = KP_I32,
                                   .input = kp_shape1(TOKENS),
                                   .labels = kp_shape1(TOKENS),
                                   .classes = w->words};
    const bool train = spec.mode == KP_TRAIN;
    struct kp_error e = {0};

    must(rig_net_io(&w->rig, "gpt", options, &io, &k->net, &e), &e);
    spec.net = k->net;
    spec.capacity = BATCH;
    must(kp_program_create(w->device, &spec, &k->program, &e), &e);
    must(kp_state_create(w->device, k->net, train, &k->state, &e), &e);
    must(kp_state_init(k->state, train ? 5 : 6, train, &e), &e);
    must(kp_exec_create(k->program, k->state, &k->exec, &e), &e);
}

static void finish_worker(struct worker *k)
{
    kp_exec_destroy(k->exec);
    kp_state_destroy(k->state);
    kp_program_destroy(k->program);
    kp_net_destroy(k->net);
}

/* What a case asks for. */
struct how {
    const char *device;
    int threads;
    const char *objective, *options, *model, *freeze; /* NULL: the defaults, nothing */
    bool chunks;                                      /* of the student's logits */
    bool features;                                    /* of the teacher, in place of its logits */
    int64_t words;                                    /* 0: WORDS */
};

static void start(struct world *w, const struct how *h)
{
    const struct kp_device_config config = {.threads = h->threads, .slice = 32};
    struct kp_program_spec spec = {.mode = KP_TRAIN, .chunk_head = h->chunks, .freeze = h->freeze};
    void *self = NULL;
    struct kp_error e = {0};

    memset(w, 0, sizeof(*w));
    w->words = h->words > 0 ? h->words : WORDS;
    must(rig_open(&w->rig, KP_BUILD_ROOT, &e), &e);
    must(kp_device_open(h->device, &config, &w->device, &e), &e);
    must(rig_objective(&w->rig, h->objective, h->options, &spec.objective, &self, &e), &e);
    spec.objective_self = self;
    if (spec.objective->needs & KP_NEED_TEACHER_LOGITS)
        make(w, &w->teacher, SMALL ";mlp=24",
             (struct kp_program_spec){.mode = KP_EVAL, .without_logits = h->features});
    spec.teacher = w->teacher.program;
    make(w, &w->student, h->model ? h->model : SMALL, spec);
    if (w->teacher.exec)
        must(kp_exec_take_head(w->student.exec, w->teacher.exec, &e), &e);
}

static void finish(struct world *w)
{
    finish_worker(&w->student);
    finish_worker(&w->teacher);
    kp_device_close(w->device);
    rig_close(&w->rig);
}

static void write_tokens(struct world *w)
{
    int32_t ids[ROWS * TOKENS], labels[ROWS * TOKENS];
    float weights[ROWS * TOKENS];
    struct kp_exec *x = w->student.exec;

    for (int i = 0; i < ROWS * TOKENS; i++) {
        ids[i] = i * 31 % WORDS;
        labels[i] = i % 11 == 3 ? -1 : i * 17 % WORDS;
        weights[i] = i % 7 == 2 ? 0 : 1 + (float)(i % 3);
    }
    kp_exec_write(x, x->program->x, ids, ROWS);
    kp_exec_write(x, x->program->labels, labels, ROWS);
    kp_exec_write(x, x->program->weights, weights, ROWS);
    if (w->teacher.exec)
        kp_exec_write(w->teacher.exec, w->teacher.program->x, ids, ROWS);
}

static void teach(struct world *w)
{
    const struct kp_program *t = w->teacher.program, *s = w->student.program;
    const struct kp_value *from = t->logits ? t->logits : t->features;
    const struct kp_value *to = t->logits ? s->teacher_logits : s->teacher_features;
    float *numbers = calloc((size_t)kp_shape_count(from->shape), sizeof(*numbers));
    struct kp_error e = {0};

    assert_non_null(numbers);
    assert_non_null(to);
    must(kp_exec_run(w->teacher.exec, ROWS, &e), &e);
    kp_exec_read(w->teacher.exec, from, numbers, ROWS);
    kp_exec_write(w->student.exec, to, numbers, ROWS);
    free(numbers);
}

/* The gradients of one step, then the loss; to be freed. *count: of all. */
static float *gradients(const struct how *h, size_t *count)
{
    struct world w;
    struct kp_error e = {0};
    float *all;

    start(&w, h);
    *count = w.student.net->params.bytes / sizeof(float) + 1;
    all = calloc(*count, sizeof(*all));
    assert_non_null(all);
    write_tokens(&w);
    if (w.teacher.exec)
        teach(&w);
    must(kp_exec_run(w.student.exec, ROWS, &e), &e);
    w.device->ops->download(w.device, all, w.student.state->grads, w.student.net->params.bytes);
    kp_exec_read(w.student.exec, w.student.program->loss, &all[*count - 1], 1);
    assert_true((w.student.program->logits == NULL) == h->chunks);
    finish(&w);
    return all;
}

/* In chunks and as a whole, relative to the largest gradient and to the loss. */
static void check_same(struct how how, double bound)
{
    size_t count, other;
    how.chunks = how.features = false;
    float *whole = gradients(&how, &count);
    how.chunks = how.features = true;
    float *chunks = gradients(&how, &other);
    double largest = 0;

    assert_int_equal(count, other);
    for (size_t i = 0; i + 1 < count; i++)
        largest = fmax(largest, fabs((double)whole[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)chunks[i] - (double)whole[i]) <=
              bound * (i + 1 < count ? largest : fabs((double)whole[i]))))
            fail_msg("%s %s: number %zu of %zu is %.9g, must be %.9g", how.device, how.objective, i,
                     count, (double)chunks[i], (double)whole[i]);
    free(whole);
    free(chunks);
}

static void chunks_change_no_number(void **state)
{
    (void)state;
    for (int cpu = 0; cpu < 2; cpu++) {
        const char *device = cpu ? "cpu" : "ref";
        const double bound = cpu ? 2e-6 : 1e-7;
        check_same((struct how){.device = device, .threads = 2, .objective = "lt"}, bound);
        check_same((struct how){.device = device, .threads = 2, .objective = "kd"}, bound);
        check_same((struct how){.device = device,
                                .threads = 2,
                                .objective = "kd",
                                .options = "tau=2;label_weight=0.5",
                                .model = SMALL ";tied=true"},
                   bound);
        check_same(
            (struct how){.device = device, .threads = 1, .objective = "lt", .freeze = "linear"},
            bound);
        check_same((struct how){.device = device,
                                .threads = 1,
                                .objective = "kd",
                                .freeze = "layers input_embedding position_embedding ln_f"},
                   bound);
    }
}

static void bits_do_not_depend_on_threads(void **state)
{
    struct how how = {.device = "cpu", .objective = "kd", .chunks = true, .features = true};
    size_t count;
    how.threads = 1;
    float *one = gradients(&how, &count);

    (void)state;
    for (how.threads = 2; how.threads <= 5; how.threads += 3) {
        float *more = gradients(&how, &count);
        assert_memory_equal(one, more, count * sizeof(*one));
        free(more);
    }
    free(one);
}

/* The logits of all rows and their gradient are gone, those of 512 rows are there; with a teacher
 * its logits are gone and come back as 512 rows, its features and its head. */
static void logits_take_memory_for_a_chunk(void **state)
{
    const size_t words = 3001, row = words * sizeof(float), rows = (size_t)BATCH * TOKENS;
    const size_t slack = 64 * 64; /* blocks are whole lines */
    struct how how = {.device = "cpu", .threads = 1, .words = (int64_t)words};
    struct world whole, chunks;

    (void)state;
    for (int taught = 0; taught < 2; taught++) {
        how.objective = taught ? "kd" : "lt";
        how.chunks = how.features = false;
        start(&whole, &how);
        how.chunks = how.features = true;
        start(&chunks, &how);
        const struct kp_graph *w = &whole.student.program->graph;
        const struct kp_graph *c = &chunks.student.program->graph;
        const size_t made =
            taught ? 2 * 512 * row + (rows + words) * 12 * sizeof(float) : 512 * row;
        const size_t gone = (taught ? 3 : 2) * rows * row;
        assert_true(c->arena_bytes <= w->arena_bytes - gone + made + slack);
        assert_true(whole.student.program->flops.training ==
                    chunks.student.program->flops.training);
        assert_true(whole.student.program->flops.forward == chunks.student.program->flops.forward);
        if (taught) {
            assert_null(chunks.student.program->teacher_logits);
            assert_null(chunks.teacher.program->logits);
            assert_true(whole.teacher.program->flops.forward ==
                        chunks.teacher.program->flops.forward);
        }
        finish(&whole);
        finish(&chunks);
    }
}

/* The operation leaves out what nobody wants. */
static void frozen_parameters_have_no_gradient(void **state)
{
    static const struct {
        const char *freeze;
        bool dx, dw;
    } cases[] = {{NULL, true, true},
                 {"linear", true, false},
                 {"layers input_embedding position_embedding ln_f", false, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct kp_node *head = NULL;
        struct world w;
        start(&w, &(struct how){.device = "cpu",
                                .threads = 1,
                                .objective = "lt",
                                .chunks = true,
                                .freeze = cases[i].freeze});
        const struct kp_graph *g = &w.student.program->graph;
        for (int64_t k = 0; k < g->node_count; k++)
            head = g->nodes[k]->op == KP_OP_HEAD_LOSS ? g->nodes[k] : head;
        assert_non_null(head);
        assert_int_equal(head->out[KP_HEAD_DX] != NULL, cases[i].dx);
        assert_int_equal(head->out[KP_HEAD_DW] != NULL, cases[i].dw);
        finish(&w);
    }
}

/* A model whose logits somebody else reads, or sees. */
struct watched {
    struct kp_tensor *weight;
    int form; /* 0: nobody; 1: an operation; 2: a tap; 3: they are the features too */
};

static enum kp_status watched_build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct watched *m = self;

    m->weight = kp_param(b, "weight", kp_shape2(io->classes, 4), kp_init_constant(1));
    return kp_build_status(b);
}

static enum kp_status watched_forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                                      struct kp_tensor **logits)
{
    const struct watched *m = self;

    *logits = kp_linear(t, x, m->weight, NULL);
    if (m->form == 1)
        kp_tap(t, kp_scale(t, *logits, 2), "scaled");
    if (m->form == 2)
        kp_tap(t, *logits, "logits");
    if (m->form == 3)
        kp_features(t, *logits);
    return kp_tape_status(t);
}

static void watched_logits_exist(void **state)
{
    static const struct kp_model_def def = {.size = sizeof(struct kp_model_def),
                                            .name = "watched",
                                            .self_size = sizeof(struct watched),
                                            .build = watched_build,
                                            .forward = watched_forward};
    const struct kp_model_io io = {.size = sizeof(io),
                                   .dtype = KP_F32,
                                   .input = kp_shape2(TOKENS, 4),
                                   .labels = kp_shape1(TOKENS),
                                   .classes = WORDS};
    struct world w;
    struct kp_error e = {0};

    (void)state;
    start(&w, &(struct how){.device = "cpu", .threads = 1, .objective = "lt"});
    for (int form = 0; form <= 3; form++) {
        struct kp_program_spec spec = {.mode = KP_TRAIN, .capacity = 2, .chunk_head = true};
        struct watched m = {.form = form};
        struct worker k = {0};
        void *self = NULL;
        must(kp_net_create(&def, &m, &io, NULL, &k.net, &e), &e);
        must(rig_objective(&w.rig, "lt", NULL, &spec.objective, &self, &e), &e);
        spec.objective_self = self;
        spec.net = k.net;
        must(kp_program_create(w.device, &spec, &k.program, &e), &e);
        assert_int_equal(k.program->logits != NULL, form > 0);
        finish_worker(&k);
    }
    finish(&w);
}

/* Logits that nobody asked to do without, and those of images, exist. */
static void other_logits_exist(void **state)
{
    struct kp_program_spec spec = {.mode = KP_TRAIN, .capacity = 3, .chunk_head = true};
    struct world w = {0};
    void *self = NULL;
    struct kp_error e = {0};

    (void)state;
    start(&w, &(struct how){.device = "cpu", .threads = 1, .objective = "lt"});
    must(rig_net(&w.rig, "mlp", NULL, (struct kp_shape){3, {1, 4, 4}}, 10, &w.teacher.net, &e), &e);
    must(rig_objective(&w.rig, "lt", NULL, &spec.objective, &self, &e), &e);
    spec.objective_self = self;
    spec.net = w.teacher.net;
    must(kp_program_create(w.device, &spec, &w.teacher.program, &e), &e);
    assert_non_null(w.student.program->logits);
    assert_non_null(w.teacher.program->logits);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_change_no_number),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(logits_take_memory_for_a_chunk),
        cmocka_unit_test(frozen_parameters_have_no_gradient),
        cmocka_unit_test(watched_logits_exist),
        cmocka_unit_test(other_logits_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
