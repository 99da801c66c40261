/* test_precision.c - rounding to bf16, bit by bit, and where a graph is rounded. */
#include "device/cpu/cpu.h"
#include "device/precision.h"
#include "device/ref/ref.h"
#include "kernels/bf16.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static float number(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static const struct {
    uint32_t from, to;
} known[] = {
    {0x00000000, 0x00000000}, {0x80000000, 0x80000000}, {0x3f800000, 0x3f800000}, /* 1 */
    {0x3f808000, 0x3f800000}, /* 1 + 2^-8: in the middle, down to the even one */
    {0x3f808001, 0x3f810000}, /* just above it */
    {0x3f818000, 0x3f820000}, /* 1 + 3 2^-8: in the middle, up to the even one */
    {0x3f817fff, 0x3f810000}, /* just below it */
    {0xbf818000, 0xbf820000}, {0x3fffffff, 0x40000000}, /* carried into the exponent */
    {0x7f7f0000, 0x7f7f0000},                           /* the largest */
    {0x7f7f7fff, 0x7f7f0000}, {0x7f7f8000, 0x7f800000}, /* beyond it: infinite */
    {0xff7fffff, 0xff800000}, {0x7f800000, 0x7f800000}, {0xff800000, 0xff800000},
    {0x00000001, 0x00000000}, /* 2^-149 */
    {0x00008000, 0x00000000}, /* 2^-134, half of the least */
    {0x00008001, 0x00010000}, {0x00018000, 0x00020000}, {0x807fffff, 0x80800000},
};

static void known_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_int_equal(bits_of(kp_bf16_round(number(known[i].from))), known[i].to);
        assert_int_equal(bits_of((float)kp_ref_bf16((double)number(known[i].from))), known[i].to);
    }
}

/* The nearer of the two numbers around x, measured in fp64; beyond the largest lies 2^128. */
static uint32_t nearest(uint32_t bits)
{
    const uint32_t low = bits & 0xffff0000u, high = low + 0x10000u;
    const double x = fabs((double)number(bits)), below = fabs((double)number(low));
    const double above = (high & 0x7fffffffu) == 0x7f800000u ? 0x1p128 : fabs((double)number(high));

    if (x - below == above - x)
        return low & 0x10000u ? high : low;
    return x - below < above - x ? low : high;
}

/* All upper halves, with lower halves around the middle. */
static void nearest_numbers(void **state)
{
    static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};

    (void)state;
    for (uint32_t upper = 0; upper < 0x10000; upper++)
        for (size_t i = 0; i < sizeof(lower) / sizeof(lower[0]); i++) {
            const uint32_t bits = upper << 16 | lower[i], got = kp_bf16_bits(bits) << 16;
            const bool nan = isnan(number(bits));
            if (nan                   ? !isnan(number(got))
                : isinf(number(bits)) ? got != bits
                                      : got != nearest(bits))
                fail_msg("%08x is rounded to %08x", bits, got);
        }
}

/* The kernels of all levels that this processor has, with a number of elements that no vector fits.
 */
static void kernels(void **state)
{
    enum { COUNT = sizeof(known) / sizeof(known[0]) + 1 };
    enum kp_cpu_level best = KP_CPU_PORTABLE;
    struct kp_error e = {0};
    float x[COUNT + 1], y[COUNT + 1];

    (void)state;
    assert_int_equal(kp_cpu_level_choose(&best, &e), KP_OK);
    for (int i = 0; i < COUNT - 1; i++)
        x[i] = number(known[i].from);
    x[COUNT - 1] = number(0x7f800001u); /* NaN, by its lower half alone */
    x[COUNT] = 1;
    for (int level = KP_CPU_PORTABLE; level <= (int)best; level++) {
        y[COUNT] = 7;
        kp_cpu_level_lane((enum kp_cpu_level)level)->round(COUNT, x, y);
        for (int i = 0; i < COUNT - 1; i++)
            assert_int_equal(bits_of(y[i]), known[i].to);
        assert_true(isnan(y[COUNT - 1]));
        assert_int_equal(bits_of(y[COUNT - 1]) & 0xffffu, 0);
        assert_true(y[COUNT] == 7);
    }
}

static struct kp_value *value(struct kp_graph *g, struct kp_shape shape, bool batched)
{
    struct kp_value *v = kp_graph_value(g, KP_F32, shape, batched);

    assert_non_null(v);
    return v;
}

static struct kp_node *product(struct kp_graph *g, enum kp_op op, struct kp_value *a,
                               struct kp_value *b, struct kp_value *c)
{
    struct kp_node *n = kp_graph_node(g, op);

    assert_non_null(n);
    n->in[0] = a;
    n->in[1] = b;
    n->in[2] = c;
    n->out[0] = value(g, kp_shape2(4, 3), true);
    return n;
}

static int64_t count(const struct kp_graph *g, enum kp_op op)
{
    int64_t found = 0;

    for (int64_t i = 0; i < g->node_count; i++)
        found += g->nodes[i]->op == op;
    return found;
}

/* y = x w + b, z = x w + y: one rounding of x and of w; b and y + z are left alone. Then the
 * products of a backward pass: only dy is new. */
static void operands(void **state)
{
    struct kp_graph g = {.capacity = 4};
    struct kp_error e = {0};
    struct kp_value *x = value(&g, kp_shape2(4, 3), true), *w = value(&g, kp_shape2(3, 3), false);
    struct kp_value *b = value(&g, kp_shape1(3), false);
    struct kp_node *first = product(&g, KP_OP_LINEAR, x, w, b);
    struct kp_node *second = product(&g, KP_OP_LINEAR, x, w, NULL);
    struct kp_node *sum = product(&g, KP_OP_ADD, first->out[0], second->out[0], NULL);

    (void)state;
    assert_int_equal(kp_graph_round(&g, &e), KP_OK);
    assert_int_equal(count(&g, KP_OP_ROUND), 2);
    assert_true(first->in[0]->bf16 && first->in[0] == second->in[0]);
    assert_true(first->in[1]->bf16 && first->in[1] == second->in[1]);
    assert_ptr_equal(first->in[2], b);
    assert_ptr_equal(sum->in[0], first->out[0]);
    assert_int_equal(g.nodes[2]->op, KP_OP_LINEAR);

    struct kp_value *dy = sum->out[0];
    struct kp_node *dw = product(&g, KP_OP_LINEAR_GRAD_W, first->in[0], dy, NULL);
    struct kp_node *dx = product(&g, KP_OP_LINEAR_GRAD_X, dy, first->in[1], NULL);
    assert_int_equal(kp_graph_round(&g, &e), KP_OK);
    assert_int_equal(count(&g, KP_OP_ROUND), 3);
    assert_true(dw->in[0] == first->in[0] && dx->in[1] == first->in[1]);
    assert_true(dw->in[1]->bf16 && dw->in[1] == dx->in[0]);

    assert_int_equal(kp_graph_round(&g, &e), KP_OK);
    assert_int_equal(count(&g, KP_OP_ROUND), 3);
    kp_arena_finish(&g.memory);
}

/* Of a head the teacher's operand is a matrix only where its layer is there too. */
static void head(void **state)
{
    struct kp_error e = {0};

    (void)state;
    for (int layer = 0; layer < 2; layer++) {
        struct kp_graph g = {.capacity = 4};
        struct kp_node *n = kp_graph_node(&g, KP_OP_HEAD_LOSS);

        assert_non_null(n);
        for (int k = 0; k < KP_NODE_IN; k++)
            if (layer || k < KP_HEAD_TW)
                n->in[k] = value(&g, kp_shape2(4, 3), false);
        assert_int_equal(kp_graph_round(&g, &e), KP_OK);
        for (int k = 0; k < KP_NODE_IN; k++) {
            const bool wanted =
                k == KP_HEAD_X || k == KP_HEAD_W || (layer && (k == KP_HEAD_T || k == KP_HEAD_TW));
            assert_true(!n->in[k] || n->in[k]->bf16 == wanted);
        }
        kp_arena_finish(&g.memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_numbers), cmocka_unit_test(nearest_numbers),
        cmocka_unit_test(kernels),       cmocka_unit_test(operands),
        cmocka_unit_test(head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
