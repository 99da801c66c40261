/* gradient.c - gradients on the reference device against central differences, in double.
 *
 * The loss is L = sum(y dy) for a random dy. For an operand w with gradient g and a random
 * direction v, (L(w + h v) - L(w - h v)) / 2h must be <g, v>. The difference errs by h^2 L''' / 6
 * and by the rounding of L over h: with h = 1e-5 of w's natural scale the first is about 1e-10 of
 * <|g|, |v|>, the second 2^-52 / h sum|y dy|. */
#include "check.h"
#include "device/ref/ref.h"
#include "harness.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTIONS 3
#define COSTLY     1e7 /* operations from which one direction must do */
#define STEP       1e-5
#define KINK_STEP  1e-7
#define TOLERANCE  1e-7

struct check {
    struct op_instance x;
    double step; /* h */
};

static int64_t count_of(const struct check *k, const struct kp_value *v)
{
    return kp_ref_count(v, k->x.rows);
}

/* sum(y dy), and sum|y dy| */
static enum kp_status loss(struct check *k, double *sum, double *magnitude, struct kp_error *e)
{
    enum kp_status st = op_instance_run(&k->x, e);
    if (st != KP_OK)
        return st;
    const double *y = kp_ref_values(&k->x.memory, k->x.graph.y);
    const double *dy = kp_ref_values(&k->x.memory, k->x.graph.dy);
    *sum = *magnitude = 0;
    for (int64_t i = 0; i < count_of(k, k->x.graph.y); i++) {
        *sum += y[i] * dy[i];
        *magnitude += fabs(y[i] * dy[i]);
    }
    return KP_OK;
}

static double direction(int pair, int number, int64_t i)
{
    struct kp_rng_key key = {.seed = 7, .epoch = (uint32_t)number};
    return kp_rng_normal(key, (uint64_t)pair, (uint32_t)i);
}

/* w += h v */
static void move(struct check *k, int pair, int number, double h)
{
    struct kp_value *of = k->x.graph.pairs[pair].of;
    double *w = kp_ref_values(&k->x.memory, of);
    for (int64_t i = 0; i < count_of(k, of); i++)
        w[i] += h * direction(pair, number, i);
}

static enum kp_status check_direction(struct check *k, int pair, int number, const double *g,
                                      struct kp_error *e)
{
    struct kp_value *of = k->x.graph.pairs[pair].of;
    const double *w = kp_ref_values(&k->x.memory, of);
    double plus, minus, magnitude, analytic = 0, terms = 0;
    enum kp_status st;

    move(k, pair, number, k->step);
    if ((st = loss(k, &plus, &magnitude, e)) != KP_OK)
        return st;
    move(k, pair, number, -2 * k->step);
    if ((st = loss(k, &minus, &magnitude, e)) != KP_OK)
        return st;
    move(k, pair, number, k->step);
    for (int64_t i = 0; i < count_of(k, of); i++) {
        analytic += g[i] * direction(pair, number, i);
        terms += fabs(g[i] * direction(pair, number, i));
        magnitude += fabs(g[i] * w[i]);
    }
    double numeric = (plus - minus) / (2 * k->step);
    double allowed = TOLERANCE * terms + 8 * 0x1p-52 / k->step * magnitude;
    if (!(fabs(numeric - analytic) <= allowed))
        return kp_fail(e, KP_E_NUMERIC,
                       "operand %d, direction %d: differences give %.12g, the gradient %.12g, "
                       "allowed %.3g",
                       pair, number, numeric, analytic, allowed);
    return KP_OK;
}

/* Gradients of batched operands beyond the rows that count are zero. */
static enum kp_status check_rest(const struct check *k, int pair, struct kp_error *e)
{
    const struct kp_value *v = k->x.graph.pairs[pair].gradient;
    const double *g = kp_ref_values(&k->x.memory, v);
    for (int64_t i = count_of(k, v); i < kp_shape_count(v->shape); i++)
        if (g[i] != 0)
            return kp_fail(e, KP_E_NUMERIC, "operand %d: gradient %g beyond the rows", pair, g[i]);
    return KP_OK;
}

static enum kp_status check_pair(struct check *k, int pair, struct kp_error *e)
{
    const struct kp_value *v = k->x.graph.pairs[pair].gradient;
    int directions = k->x.graph.flops > COSTLY ? 1 : DIRECTIONS;
    double unused[2];
    enum kp_status st = loss(k, &unused[0], &unused[1], e);
    if (st != KP_OK || (st = check_rest(k, pair, e)) != KP_OK)
        return st;
    size_t bytes = (size_t)kp_shape_count(v->shape) * sizeof(double);
    double *g = malloc(bytes);
    if (!g)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    memcpy(g, kp_ref_values(&k->x.memory, v), bytes);
    for (int number = 0; st == KP_OK && number < directions; number++)
        st = check_direction(k, pair, number, g, e);
    free(g);
    return st;
}

void op_check_gradients(struct kp_device *ref, const struct op_case *c, struct op_report *r)
{
    struct op_case smooth = *c;
    bool kinks = c->act || c->pool || c->op == KP_OP_RELU || c->op == KP_OP_MAX_POOL;
    struct check k = {.step = (kinks ? KINK_STEP : STEP) * (c->sd > 0 ? c->sd : 1)};
    struct kp_error e = {0};
    char name[256];
    unsigned parts = op_case_parts(c);

    if (!(parts & PART_GRAD_X) || c->bf16) /* a staircase has no differences */
        return;
    /* Ties are kinks: differences mean nothing there. */
    if (c->fill == FILL_COARSE || c->fill == FILL_CONSTANT)
        smooth.fill = FILL_NORMAL;
    if (c->op == KP_OP_KL)
        k.step = STEP * c->factor;
    op_case_name(&smooth, PART_FORWARD, name, sizeof(name));
    enum kp_status st = op_instance_init(&k.x, ref, &smooth, parts, &e);
    if (st == KP_OK)
        st = op_instance_fill(&k.x, NAN, &e);
    for (int i = 0; st == KP_OK && i < k.x.graph.pair_count; i++)
        st = check_pair(&k, i, &e);
    op_report_add(r, name, &e);
    op_instance_finish(&k.x);
}
