/* test_half.c - which values of a graph in bf16 the cuda backend keeps in two bytes. */
#include "device/precision.h"
#include "unit/cpu_graph.h"

#define EXAMPLES 6

static struct kp_device *open_device(void)
{
    const struct kp_device_config config = {.threads = 1, .slice = 16};
    struct kp_error e = {0};
    struct kp_device *d = NULL;

    if (kp_device_open("cuda", &config, &d, &e) != KP_OK)
        fail_msg("%s", e.text);
    return d;
}

static void plan(struct kp_device *d, struct kp_graph *g)
{
    struct kp_error e = {0};

    if (kp_graph_round(g, &e) != KP_OK || d->ops->plan(d, g, &e) != KP_OK)
        fail_msg("%s", e.text);
}

static struct kp_value *input(struct kp_graph *g, int channels)
{
    return cg_input(g, cg_shape(2, (int)g->capacity, channels));
}

/* y = x w^T */
static struct kp_node *linear(struct kp_graph *g, struct kp_value *x, struct kp_value *w)
{
    struct kp_value *y = cg_value(g, cg_shape(2, (int)g->capacity, (int)w->shape.dim[0]));

    return cg_node(g, KP_OP_LINEAR, x, w, NULL, cg_end, cg_output(y), cg_end);
}

/* All three passes of a convolution whose image also goes through a linear layer: nothing that is
 * rounded takes four bytes, in any layout, and nothing else takes two. */
static void products(void **state)
{
    struct kp_device *d = open_device();
    struct kp_graph g = {.capacity = EXAMPLES};
    const struct kp_window same = kp_window(3, 1, 1);
    struct kp_value *x = cg_input(&g, cg_shape(4, EXAMPLES, 3, 5, 4));
    struct kp_value *w = cg_param(&g, cg_shape(4, 7, 3, 3, 3)), *b = cg_param(&g, cg_shape(1, 7));
    struct kp_value *y = cg_output(cg_value(&g, cg_shape(4, EXAMPLES, 7, 5, 4)));
    struct kp_value *dy = cg_input(&g, y->shape), *dx = cg_output(cg_value(&g, x->shape));
    int64_t halves = 0;

    (void)state;
    cg_node(&g, KP_OP_CONV2D, x, w, b, cg_end, y, cg_end)->attrs.window = same;
    cg_node(&g, KP_OP_CONV2D_GRAD_X, dy, w, cg_end, dx, cg_end)->attrs.window = same;
    cg_node(&g, KP_OP_CONV2D_GRAD_W, x, dy, cg_end, cg_grad(&g, w), cg_grad(&g, b), cg_end)
        ->attrs.window = same;
    (void)linear(&g, input(&g, 8), cg_param(&g, cg_shape(2, 5, 8)));
    plan(d, &g);
    for (int64_t i = 0; i < g.value_count; i++) {
        const struct kp_value *v = g.values[i];
        const size_t numbers = (size_t)kp_shape_count(v->shape);
        assert_int_equal(v->half, v->bf16);
        if (v->half)
            assert_int_equal(v->bytes, (numbers * sizeof(uint16_t) + 63) / 64 * 64);
        halves += v->half;
    }
    assert_true(halves >= 5); /* x, w and dy; those of the linear layer */
    kp_arena_finish(&g.memory);
    kp_device_close(d);
}

/* What is read by something else than a product stays in four bytes, and so do the other operands
 * of its products, and theirs. */
static void read_otherwise(void **state)
{
    struct kp_device *d = open_device();
    struct kp_graph g = {.capacity = EXAMPLES};
    struct kp_value *w = cg_param(&g, cg_shape(2, 5, 8)), *apart = cg_param(&g, cg_shape(2, 5, 8));
    const struct kp_node *first = linear(&g, input(&g, 8), w),
                         *second = linear(&g, input(&g, 8), w);
    const struct kp_node *third = linear(&g, input(&g, 8), apart);
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_graph_round(&g, &e), KP_OK);
    struct kp_value *twice = cg_output(cg_value(&g, first->in[0]->shape));
    cg_node(&g, KP_OP_ADD, first->in[0], first->in[0], cg_end, twice, cg_end);
    plan(d, &g);
    for (int k = 0; k < 2; k++) {
        assert_true(!first->in[k]->half && !second->in[k]->half);
        assert_true(third->in[k]->half);
    }
    kp_arena_finish(&g.memory);
    kp_device_close(d);
}

/* Of a product's operands only the matrices may take two bytes. */
static void read_as_a_bias(void **state)
{
    struct kp_device *d = open_device();
    struct kp_graph g = {.capacity = EXAMPLES};
    struct kp_value *b = cg_whole(&g, cg_shape(1, 5));

    (void)state;
    b->bf16 = true;
    cg_node(&g, KP_OP_ROUND, cg_param(&g, cg_shape(1, 5)), cg_end, b, cg_end);
    struct kp_node *n = linear(&g, input(&g, 8), cg_param(&g, cg_shape(2, 5, 8)));
    n->in[2] = b;
    plan(d, &g);
    assert_true(n->in[0]->half && n->in[1]->half && !b->half);
    kp_arena_finish(&g.memory);
    kp_device_close(d);
}

/* The host reads four bytes. */
static void read_by_the_host(void **state)
{
    struct kp_device *d = open_device();
    struct kp_graph g = {.capacity = EXAMPLES};
    struct kp_error e = {0};
    const struct kp_node *n = linear(&g, input(&g, 8), cg_param(&g, cg_shape(2, 5, 8)));

    (void)state;
    assert_int_equal(kp_graph_round(&g, &e), KP_OK);
    (void)cg_output(n->in[0]);
    plan(d, &g);
    assert_true(n->in[0]->bf16 && !n->in[0]->half && !n->in[1]->half);
    kp_arena_finish(&g.memory);
    kp_device_close(d);
}

/* Attention of heads of this width, with its gradient. */
static struct kp_node *attend(struct kp_graph *g, int width, struct kp_node **gradient)
{
    const struct kp_shape s = cg_shape(3, EXAMPLES, 5, 2 * width);
    struct kp_value *q = cg_input(g, s), *k = cg_input(g, s), *v = cg_input(g, s);
    struct kp_value *y = cg_output(cg_value(g, s)), *dy = cg_input(g, s);
    struct kp_value *l = cg_output(cg_value(g, cg_shape(3, EXAMPLES, 2, 5)));
    struct kp_node *n = cg_node(g, KP_OP_ATTENTION, q, k, v, cg_end, y, l, cg_end);

    n->attrs.heads = 2;
    n->attrs.factor = 0.5;
    *gradient =
        cg_node(g, KP_OP_ATTENTION_GRAD, q, k, v, y, l, dy, cg_end, cg_output(cg_value(g, s)),
                cg_output(cg_value(g, s)), cg_output(cg_value(g, s)), cg_end);
    (*gradient)->attrs = n->attrs;
    return n;
}

/* Two bytes where cuDNN has a plan, four elsewhere. */
static void attention(void **state)
{
    struct kp_device *d = open_device();

    (void)state;
    for (int width = 4; width <= 8; width += 4) {
        struct kp_graph g = {.capacity = EXAMPLES};
        struct kp_node *gradient;
        const struct kp_node *n = attend(&g, width, &gradient);
        plan(d, &g);
        for (int k = 0; k < 3; k++)
            assert_int_equal(n->in[k]->half, width == 8);
        assert_int_equal(gradient->in[5]->half, width == 8);
        assert_true(!gradient->in[3]->half && !gradient->in[4]->half);
        kp_arena_finish(&g.memory);
    }
    kp_device_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),       cmocka_unit_test(read_otherwise),
        cmocka_unit_test(read_as_a_bias), cmocka_unit_test(read_by_the_host),
        cmocka_unit_test(attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
