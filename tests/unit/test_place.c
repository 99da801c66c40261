/* test_place.c - values that are alive together never share memory. */
#include "base/rng.h"
#include "tensor/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the three above. */
#include <cmocka.h>

static int64_t below(uint64_t seed, uint64_t i, uint32_t k, uint64_t n)
{
    struct kp_rng_key key = {.seed = seed};

    return (int64_t)kp_rng_below(key, i, k, n);
}

/* A random chain of nodes with random sizes, segments, scratch, inputs and outputs. */
static void build(struct kp_graph *g, uint64_t seed)
{
    int32_t segment = 0;

    for (int i = 0; i < 5; i++) {
        struct kp_value *v = kp_graph_value(g, KP_F32, kp_shape1(4), true);
        v->bytes = (size_t)(1 + below(seed, (uint64_t)i, 0, 1000));
        v->input = true;
    }
    for (int i = 0; i < 60; i++) {
        struct kp_node *n = kp_graph_node(g, KP_OP_ADD);
        for (int k = 0; k < 2; k++)
            n->in[k] =
                g->values[below(seed, (uint64_t)i + 100, (uint32_t)k, (uint64_t)g->value_count)];
        n->out[0] = kp_graph_value(g, KP_F32, kp_shape1(4), true);
        n->out[0]->bytes = (size_t)(1 + below(seed, (uint64_t)i + 200, 0, 5000));
        n->out[0]->output = below(seed, (uint64_t)i + 300, 0, 10) == 0;
        n->scratch = (size_t)below(seed, (uint64_t)i + 400, 0, 300);
        segment += below(seed, (uint64_t)i + 500, 0, 2) == 0;
        n->segment = segment;
    }
}

static void lifetime(const struct kp_graph *g, const struct kp_value *v, int32_t *first,
                     int32_t *last)
{
    *first = INT32_MAX;
    *last = -1;
    for (int64_t i = 0; i < g->node_count; i++)
        for (int k = 0; k < KP_NODE_IN; k++)
            if (g->nodes[i]->in[k] == v || (k < KP_NODE_OUT && g->nodes[i]->out[k] == v)) {
                int32_t s = g->nodes[i]->segment;
                *first = s < *first ? s : *first;
                *last = s > *last ? s : *last;
            }
    if (v->input || v->output) {
        *first = 0;
        *last = g->nodes[g->node_count - 1]->segment;
    }
}

static void assert_apart(size_t a, size_t a_bytes, size_t b, size_t b_bytes)
{
    assert_true(a + a_bytes <= b || b + b_bytes <= a);
}

static void check(uint64_t seed)
{
    struct kp_graph g = {0};
    struct kp_error e = {0};
    size_t sum = 0;

    build(&g, seed);
    assert_int_equal(kp_graph_place(&g, &e), KP_OK);
    for (int64_t i = 0; i < g.value_count; i++) {
        const struct kp_value *a = g.values[i];
        int32_t first, last;

        lifetime(&g, a, &first, &last);
        if (last < 0)
            continue;
        sum += a->bytes;
        assert_true(a->offset % 64 == 0 && a->offset + a->bytes <= g.arena_bytes);
        for (int64_t k = 0; k < i; k++) {
            int32_t from, to;
            lifetime(&g, g.values[k], &from, &to);
            if (to >= 0 && from <= last && first <= to)
                assert_apart(a->offset, a->bytes, g.values[k]->offset, g.values[k]->bytes);
        }
        for (int64_t k = 0; k < g.node_count; k++) {
            const struct kp_node *n = g.nodes[k];
            if (n->scratch > 0 && n->segment >= first && n->segment <= last)
                assert_apart(a->offset, a->bytes, n->scratch_offset, n->scratch);
        }
    }
    /* Reuse: 60 short-lived values of a chain do not need room side by side. */
    assert_true(g.arena_bytes < sum + 64 * (size_t)g.value_count);
    kp_arena_finish(&g.memory);
}

static void test_random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++)
        check(seed);
}

/* What nobody reads goes; batch norm's running statistics, gradients and outputs stay. */
static void test_prune(void **state)
{
    struct kp_graph g = {0};
    struct kp_value *v[6];

    (void)state;
    for (int i = 0; i < 6; i++)
        v[i] = kp_graph_value(&g, KP_F32, kp_shape1(4), true);
    const enum kp_op ops[] = {KP_OP_RELU, KP_OP_RELU, KP_OP_BATCH_NORM, KP_OP_RELU, KP_OP_RELU};
    const int in[] = {0, 1, 0, 0, 0};
    for (int i = 0; i < 5; i++) {
        struct kp_node *n = kp_graph_node(&g, ops[i]);
        n->in[0] = v[in[i]];
        n->out[0] = v[i + 1];
    }
    v[2]->output = true;       /* kept, and with it v[1] */
    v[5]->place = KP_AT_GRADS; /* kept */
    kp_graph_prune(&g);        /* v[4] goes, the batch norm of v[3] stays */
    assert_int_equal(g.node_count, 4);
    assert_ptr_equal(g.nodes[0]->out[0], v[1]);
    assert_ptr_equal(g.nodes[1]->out[0], v[2]);
    assert_ptr_equal(g.nodes[2]->out[0], v[3]);
    assert_ptr_equal(g.nodes[3]->out[0], v[5]);
    kp_arena_finish(&g.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_prune),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
