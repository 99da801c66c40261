/* test_cpu_graph.c - whole graphs on the cpu device: memory shared between segments, fusion, rows.
 */
#include "cpu_graph.h"

/* One training step: two blocks of convolution and batch norm, the second with a sum, then a linear
 * layer, a weighted loss and SGD. */
static void build_training(struct kp_graph *g, const void *arg)
{
    const int n = (int)g->capacity;
    const struct kp_window same = kp_window(3, 1, 1), half = kp_window(2, 2, 0);
    struct kp_value *x = cg_input(g, cg_shape(4, n, 3, 7, 6));
    struct kp_value *labels = cg_labels(g, cg_shape(1, n));
    struct kp_value *weights = cg_input(g, cg_shape(1, n));
    struct kp_value *w1 = cg_param(g, cg_shape(4, 9, 3, 3, 3)), *b1 = cg_param(g, cg_shape(1, 9));
    struct kp_value *g1 = cg_param(g, cg_shape(1, 9)), *h1 = cg_param(g, cg_shape(1, 9));
    struct kp_value *m1 = cg_buffer(g, cg_shape(1, 9)), *v1 = cg_buffer(g, cg_shape(1, 9));
    struct kp_value *w2 = cg_param(g, cg_shape(4, 9, 9, 3, 3));
    struct kp_value *g2 = cg_param(g, cg_shape(1, 9)), *h2 = cg_param(g, cg_shape(1, 9));
    struct kp_value *m2 = cg_buffer(g, cg_shape(1, 9)), *v2 = cg_buffer(g, cg_shape(1, 9));
    struct kp_value *w3 = cg_param(g, cg_shape(2, 5, 81)), *b3 = cg_param(g, cg_shape(1, 5));
    struct kp_value *c1 = cg_value(g, cg_shape(4, n, 9, 7, 6));
    struct kp_value *y1 = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *c2 = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *y2 = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *flat = cg_value(g, cg_shape(2, n, 81)), *z = cg_value(g, cg_shape(2, n, 5));
    struct kp_value *l = cg_value(g, cg_shape(1, n)), *loss = cg_whole(g, cg_shape(0));
    struct kp_value *dl = cg_value(g, cg_shape(1, n)), *dz = cg_value(g, cg_shape(2, n, 5));
    struct kp_value *dflat = cg_value(g, cg_shape(2, n, 81));
    struct kp_value *dy2 = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *dc2 = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *dr = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *dx2 = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *dy1 = cg_value(g, cg_shape(4, n, 9, 3, 3));
    struct kp_value *dc1 = cg_value(g, cg_shape(4, n, 9, 7, 6));
    struct kp_value *s[4];
    struct kp_node *node;

    (void)arg;
    for (int i = 0; i < 4; i++)
        s[i] = cg_whole(g, cg_shape(1, 9));
    weights->name = "weights";
    cg_node(g, KP_OP_CONV2D, x, w1, b1, cg_end, c1, cg_end)->attrs.window = same;
    node = cg_node(g, KP_OP_BATCH_NORM, c1, g1, h1, m1, v1, NULL, cg_end, y1, s[0], s[1], cg_end);
    node->attrs =
        (struct kp_attrs){.window = half, .act = true, .pool = true, .eps = 1e-5, .momentum = 0.1};
    cg_node(g, KP_OP_CONV2D, y1, w2, NULL, cg_end, c2, cg_end)->attrs.window = same;
    node = cg_node(g, KP_OP_BATCH_NORM, c2, g2, h2, m2, v2, y1, cg_end, y2, s[2], s[3], cg_end);
    node->attrs = (struct kp_attrs){.act = true, .eps = 1e-5, .momentum = 0.1};
    cg_node(g, KP_OP_RESHAPE, y2, cg_end, flat, cg_end);
    flat->alias = y2;
    cg_node(g, KP_OP_LINEAR, flat, w3, b3, cg_end, cg_output(z), cg_end);
    cg_node(g, KP_OP_CROSS_ENTROPY, z, labels, cg_end, l, cg_end);
    cg_node(g, KP_OP_WEIGHTED_MEAN, l, weights, cg_end, cg_output(loss), cg_end);
    cg_node(g, KP_OP_WEIGHTED_MEAN_GRAD, l, weights, NULL, cg_end, dl, cg_end);
    cg_node(g, KP_OP_CROSS_ENTROPY_GRAD, z, labels, dl, cg_end, dz, cg_end);
    cg_node(g, KP_OP_LINEAR_GRAD_X, dz, w3, cg_end, dflat, cg_end);
    cg_node(g, KP_OP_LINEAR_GRAD_W, flat, dz, cg_end, cg_grad(g, w3), cg_grad(g, b3), cg_end);
    cg_node(g, KP_OP_RESHAPE, dflat, cg_end, dy2, cg_end);
    dy2->alias = dflat;
    node = cg_node(g, KP_OP_BATCH_NORM_GRAD, c2, g2, h2, s[2], s[3], y1, dy2, cg_end, dc2,
                   cg_grad(g, g2), cg_grad(g, h2), dr, cg_end);
    node->attrs = (struct kp_attrs){.act = true, .eps = 1e-5};
    cg_node(g, KP_OP_CONV2D_GRAD_X, dc2, w2, cg_end, dx2, cg_end)->attrs.window = same;
    cg_node(g, KP_OP_CONV2D_GRAD_W, y1, dc2, cg_end, cg_grad(g, w2), NULL, cg_end)->attrs.window =
        same;
    cg_node(g, KP_OP_ADD, dx2, dr, cg_end, dy1, cg_end);
    node = cg_node(g, KP_OP_BATCH_NORM_GRAD, c1, g1, h1, s[0], s[1], NULL, dy1, cg_end, dc1,
                   cg_grad(g, g1), cg_grad(g, h1), cg_end);
    node->attrs = (struct kp_attrs){.window = half, .act = true, .pool = true, .eps = 1e-5};
    cg_node(g, KP_OP_CONV2D_GRAD_W, x, dc1, cg_end, cg_grad(g, w1), cg_grad(g, b1), cg_end)
        ->attrs.window = same;
    node = cg_node(g, KP_OP_SGD, cg_end, cg_end);
    node->attrs.momentum = 0.9;
    node->attrs.weight_decay = 0.01;
}

static void test_training(void **state)
{
    static const struct {
        int capacity, rows;
    } sizes[] = {{1, 1}, {5, 5}, {33, 33}, {70, 70}, {70, 37}, {130, 129}};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        cg_check("training", build_training, NULL, sizes[i].capacity, KP_TRAIN, sizes[i].rows,
                 2e-4);
}

/* What EVAL fuses: convolution, batch norm, ReLU and pool; with a stride; without batch norm. */
static void build_evaluation(struct kp_graph *g, const void *arg)
{
    const int n = (int)g->capacity;
    struct kp_window wide = kp_window(3, 2, 1);
    struct kp_value *x = cg_input(g, cg_shape(4, n, 2, 13, 9));
    struct kp_value *v[4], *h[2];
    struct kp_node *node;

    (void)arg;
    for (int i = 0; i < 2; i++) {
        struct kp_value *w = cg_param(g, cg_shape(4, i ? 4 : 11, i ? 11 : 2, 3, 3));
        struct kp_value *b = i ? NULL : cg_param(g, cg_shape(1, 11));
        const int c = i ? 4 : 11, rows = i ? 3 : 13, columns = i ? 2 : 9;
        for (int j = 0; j < 4; j++)
            v[j] = j < 2 ? cg_param(g, cg_shape(1, c)) : cg_buffer(g, cg_shape(1, c));
        struct kp_value *y = cg_value(g, cg_shape(4, n, c, rows, columns));
        struct kp_value *u = cg_value(g, y->shape), *a = cg_value(g, y->shape);
        struct kp_value *p = cg_value(g, i ? y->shape : cg_shape(4, n, c, 6, 4));
        cg_node(g, KP_OP_CONV2D, x, w, b, cg_end, y, cg_end)->attrs.window =
            i ? wide : kp_window(3, 1, 1);
        node =
            cg_node(g, KP_OP_BATCH_NORM_EVAL, y, v[0], v[1], v[2], v[3], NULL, cg_end, u, cg_end);
        node->attrs.eps = 1e-5;
        cg_node(g, KP_OP_RELU, u, cg_end, a, cg_end);
        cg_node(g, KP_OP_MAX_POOL, a, cg_end, p, cg_end)->attrs.window =
            i ? kp_window(1, 1, 0) : kp_window(2, 2, 0);
        x = p;
    }
    h[0] = cg_value(g, cg_shape(4, n, 3, 3, 2));
    h[1] = cg_value(g, h[0]->shape);
    cg_node(g, KP_OP_CONV2D, x, cg_param(g, cg_shape(4, 3, 4, 5, 5)), NULL, cg_end, h[0], cg_end)
        ->attrs.window = kp_window(5, 1, 2);
    cg_node(g, KP_OP_RELU, h[0], cg_end, cg_output(h[1]), cg_end);
    struct kp_value *flat = cg_value(g, cg_shape(2, n, 18)), *y = cg_value(g, cg_shape(2, n, 6));
    cg_node(g, KP_OP_RESHAPE, h[1], cg_end, flat, cg_end);
    flat->alias = h[1];
    cg_node(g, KP_OP_LINEAR, flat, cg_param(g, cg_shape(2, 6, 18)), NULL, cg_end, cg_output(y),
            cg_end);
}

static void test_evaluation(void **state)
{
    static const int rows[] = {1, 16, 40, 64};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cg_check("evaluation", build_evaluation, NULL, 64, KP_EVAL, rows[i], 1e-4);
}

/* The fused EVAL graph has three convolutions and what cannot join them. */
static void test_fusion(void **state)
{
    struct kp_error error = {0};
    struct kp_device_config config = {.threads = 1, .slice = 16};
    struct kp_device *d = NULL;
    struct kp_graph g = {.mode = KP_EVAL, .capacity = 8};
    int count[KP_OP_COUNT] = {0};

    (void)state;
    cg_ok(kp_device_open("cpu", &config, &d, &error));
    build_evaluation(&g, NULL);
    cg_ok(d->ops->fuse(d, &g, &error));
    for (int64_t i = 0; i < g.node_count; i++)
        count[g.nodes[i]->op]++;
    assert_int_equal(count[KP_OP_CONV2D], 3);
    assert_int_equal(count[KP_OP_FOLD_BATCH_NORM], 2);
    assert_int_equal(count[KP_OP_MAX_POOL], 1); /* after the convolution with a stride */
    assert_int_equal(count[KP_OP_RELU], 0);
    assert_int_equal(count[KP_OP_BATCH_NORM_EVAL], 0);
    cg_ok(d->ops->plan(d, &g, &error));
    for (int64_t i = 1; i < g.node_count; i++)
        assert_true(g.nodes[i - 1]->segment <= g.nodes[i]->segment);
    kp_arena_finish(&g.memory);
    kp_device_close(d);
}

/* Bits depend on the number of examples in a slice only where slices are added up; never on
 * threads, and never on what stood in the padded rows before. */
static void test_rows(void **state)
{
    struct cg_setup s = {.kind = "cpu", .threads = 2, .slice = 32, .rows = 21, .runs = 1};
    struct cg_result a = cg_run(build_training, NULL, 21, KP_TRAIN, s);
    struct cg_result b = cg_run(build_training, NULL, 100, KP_TRAIN, s);

    (void)state;
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.v, b.v, (size_t)a.count * sizeof(float));
    free(a.v);
    free(b.v);
}

/* A convolution whose bias sums gradients over whole groups, without a batch norm that would leave
 * out the rows behind the batch. */
static void build_biased(struct kp_graph *g, const void *arg)
{
    const int n = (int)g->capacity;
    const struct kp_window same = kp_window(3, 1, 1);
    const struct kp_shape image = cg_shape(4, n, 6, 4, 4), flat = cg_shape(2, n, 96);
    const struct kp_shape row = cg_shape(2, n, 5), one = cg_shape(1, n);
    struct kp_value *x = cg_input(g, cg_shape(4, n, 3, 4, 4)), *labels = cg_labels(g, one);
    struct kp_value *weights = cg_input(g, one);
    struct kp_value *w1 = cg_param(g, cg_shape(4, 6, 3, 3, 3)), *b1 = cg_param(g, cg_shape(1, 6));
    struct kp_value *w2 = cg_param(g, cg_shape(2, 5, 96));
    struct kp_value *c = cg_value(g, image), *f = cg_value(g, flat), *z = cg_value(g, row);
    struct kp_value *l = cg_value(g, one), *dl = cg_value(g, one), *dz = cg_value(g, row);
    struct kp_value *df = cg_value(g, flat), *dc = cg_value(g, image);
    struct kp_value *loss = cg_whole(g, cg_shape(0));

    (void)arg;
    weights->name = "weights";
    cg_node(g, KP_OP_CONV2D, x, w1, b1, cg_end, c, cg_end)->attrs.window = same;
    cg_node(g, KP_OP_RESHAPE, c, cg_end, f, cg_end);
    cg_node(g, KP_OP_LINEAR, f, w2, NULL, cg_end, z, cg_end);
    cg_node(g, KP_OP_CROSS_ENTROPY, z, labels, cg_end, l, cg_end);
    cg_node(g, KP_OP_WEIGHTED_MEAN, l, weights, cg_end, cg_output(loss), cg_end);
    cg_node(g, KP_OP_WEIGHTED_MEAN_GRAD, l, weights, NULL, cg_end, dl, cg_end);
    cg_node(g, KP_OP_CROSS_ENTROPY_GRAD, z, labels, dl, cg_end, dz, cg_end);
    cg_node(g, KP_OP_LINEAR_GRAD_X, dz, w2, cg_end, df, cg_end);
    cg_node(g, KP_OP_LINEAR_GRAD_W, f, dz, cg_end, cg_grad(g, w2), NULL, cg_end);
    cg_node(g, KP_OP_RESHAPE, df, cg_end, dc, cg_end);
    cg_node(g, KP_OP_CONV2D_GRAD_W, x, dc, cg_end, cg_grad(g, w1), cg_grad(g, b1), cg_end)
        ->attrs.window = same;
}

static void test_rows_behind_the_batch(void **state)
{
    (void)state;
    cg_check("conv with bias", build_biased, NULL, 33, KP_TRAIN, 33, 2e-5);
    cg_check("conv with bias", build_biased, NULL, 33, KP_TRAIN, 20, 2e-5);
}

/* A linear layer on `*arg` tokens of an example. */
static void build_tokens(struct kp_graph *g, const void *arg)
{
    const int n = (int)g->capacity, tokens = *(const int *)arg;
    struct kp_value *y = cg_value(g, cg_shape(3, n, tokens, 3));

    cg_node(g, KP_OP_LINEAR, cg_input(g, cg_shape(3, n, tokens, 5)), cg_param(g, cg_shape(2, 3, 5)),
            NULL, cg_end, cg_output(y), cg_end);
}

/* Sequences have fewer examples in a slice, and nothing is filled up; images have groups of 16. */
static void test_slices(void **state)
{
    static const struct {
        int capacity, tokens; /* 0: images */
        int64_t group, slice;
        size_t floats; /* of the result */
    } cases[] = {{4, 512, 1, 1, 4 * 512 * 3},
                 {3, 2000, 1, 1, 3 * 2000 * 3},
                 {128, 65, 1, 8, 128 * 65 * 3},
                 {33, 1, 1, 32, 33 * 3},
                 {18, 0, 16, 32, 32 * 6}};
    const struct kp_device_config config = {.threads = 1, .slice = 32};
    struct kp_error error = {0};
    struct kp_device *d = NULL;

    (void)state;
    cg_ok(kp_device_open("cpu", &config, &d, &error));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_graph g = {.mode = KP_EVAL, .capacity = cases[i].capacity};
        if (cases[i].tokens > 0)
            build_tokens(&g, &cases[i].tokens);
        else
            build_evaluation(&g, NULL);
        cg_ok(d->ops->plan(d, &g, &error));
        const struct kp_value *y = g.nodes[g.node_count - 1]->out[0];
        assert_int_equal(g.group, cases[i].group);
        assert_int_equal(g.slice, cases[i].slice);
        assert_int_equal(y->bytes, (cases[i].floats * sizeof(float) + 63) / 64 * 64);
        kp_arena_finish(&g.memory);
    }
    kp_device_close(d);
}

/* Slices of one example, whose first element is no multiple of the four that are drawn together. */
static void build_dropped_tokens(struct kp_graph *g, const void *arg)
{
    const int n = (int)g->capacity;
    struct kp_value *y = cg_value(g, cg_shape(3, n, 651, 3)), *kept = cg_value(g, y->shape);

    (void)arg;
    cg_node(g, KP_OP_LINEAR, cg_input(g, cg_shape(3, n, 651, 5)), cg_param(g, cg_shape(2, 3, 5)),
            NULL, cg_end, y, cg_end);
    cg_node(g, KP_OP_DROPOUT, y, cg_end, cg_output(kept), cg_end)->attrs.factor = 0.3;
}

static void test_dropped_tokens(void **state)
{
    (void)state;
    cg_check("dropped tokens", build_dropped_tokens, NULL, 4, KP_TRAIN, 3, 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training),
        cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_fusion),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_dropped_tokens),
        cmocka_unit_test(test_rows_behind_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
