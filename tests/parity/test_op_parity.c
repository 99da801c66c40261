/* test_op_parity.c - every operation of a device against what PyTorch computed in fp64.
 *
 *     test_op_parity cpu|ref FILE...
 *
 * The reference computes in fp64 as PyTorch does: results differ by rounding only, 1e-12 of the
 * largest. The cpu device is allowed (8 + 2 sqrt(n)) 2^-24 of it where n products are summed. */
#include "harness.h"
#include "op_fixture.h"

#include "device/ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Examples beyond the fixture's rows: they must not count. */
#define SPARE_ROWS 3

#define REF_TOLERANCE 1e-12

/* A fixture as a graph, and the memory that its operands are filled from. */
struct parity {
    const struct op_fixture *f;
    struct op_graph graph;
    int64_t rows;
    struct kp_value *values[OP_ARRAYS]; /* of each array of the fixture */
    double *given[OP_ARRAYS];
};

static int64_t rows_of(const struct op_fixture *f)
{
    for (int i = 0; i < f->array_count; i++)
        if (f->arrays[i].place == ARRAY_BATCH)
            return f->arrays[i].shape.dim[0];
    return 1;
}

static struct kp_value *value(struct parity *p, const struct op_array *a, enum kp_place place)
{
    struct kp_shape shape = a->shape;
    bool batched = a->place == ARRAY_BATCH;
    if (batched)
        shape.dim[0] = p->rows + SPARE_ROWS;
    /* results have no type in a fixture */
    bool classes = a->use == ARRAY_OUT && p->f->op == KP_OP_ARGMAX;
    struct kp_value *v = kp_graph_value(&p->graph.g, classes ? KP_I32 : a->dtype, shape, batched);
    if (v)
        v->place = place;
    return v;
}

/* The operand that an "after" line or a slot speaks of. */
static struct kp_value *operand_value(const struct parity *p, int index)
{
    for (int i = 0; i < p->f->array_count; i++)
        if (p->f->arrays[i].use == ARRAY_IN && p->f->arrays[i].index == index)
            return p->values[i];
    return NULL;
}

/* As struct op_operand has it. */
static int slot_of(const struct op_array *a)
{
    return a->place == ARRAY_SLOT ? 1 : a->place == ARRAY_SLOT2 ? 2 : 0;
}

/* A value in the arrays' place. A gradient needs a parameter whose gradient it is: the SGD node's
 * own one, or one that nothing reads. */
static struct kp_value *array_value(struct parity *p, const struct op_array *a)
{
    static const enum kp_place places[] = {
        [ARRAY_BATCH] = KP_AT_ARENA,    [ARRAY_FIXED] = KP_AT_ARENA, [ARRAY_PARAM] = KP_AT_PARAMS,
        [ARRAY_BUFFER] = KP_AT_BUFFERS, [ARRAY_GRAD] = KP_AT_GRADS,  [ARRAY_SLOT] = KP_AT_PARAMS,
        [ARRAY_SLOT2] = KP_AT_PARAMS};
    if (slot_of(a) > 0)
        return operand_value(p, 0);
    if (a->use == ARRAY_AFTER)
        return operand_value(p, a->index);
    struct kp_value *v = value(p, a, places[a->place]);
    if (v && a->place == ARRAY_GRAD) {
        struct op_pair pair = {a->use == ARRAY_IN ? operand_value(p, 0) : NULL, v};
        if (!pair.of)
            pair.of = value(p, a, KP_AT_PARAMS);
        if (!pair.of)
            return NULL;
        p->graph.pairs[p->graph.pair_count++] = pair;
    }
    return v;
}

static double *padded(const struct op_array *a, const struct kp_value *v)
{
    double *data = calloc((size_t)kp_shape_count(v->shape), sizeof(*data));
    if (data)
        memcpy(data, a->data, (size_t)kp_shape_count(a->shape) * sizeof(*data));
    return data;
}

static bool add_array(struct parity *p, int i, struct kp_node *n)
{
    const struct op_array *a = &p->f->arrays[i];
    struct op_graph *g = &p->graph;
    struct kp_value *v = p->values[i] = array_value(p, a);
    int slot = slot_of(a);
    if (!v)
        return false;
    if (a->use == ARRAY_IN) {
        struct op_operand o = {.v = v, .slot = slot, .fill = FILL_GIVEN};
        p->given[i] = padded(a, v);
        o.given = p->given[i];
        v->input = v->place == KP_AT_ARENA;
        g->operands[g->operand_count++] = o;
        if (n->op != KP_OP_CLIP && !kp_op_is_optimizer(n->op))
            n->in[a->index] = v;
        return p->given[i] != NULL && g->operand_count < OP_OPERANDS;
    }
    struct op_result r = {v, slot, 8 + 2 * sqrt(a->terms), a->floor};
    g->results[g->result_count++] = r;
    v->output = v->place == KP_AT_ARENA;
    if (a->use == ARRAY_OUT)
        n->out[a->index] = v;
    return g->result_count < OP_RESULTS;
}

static enum kp_status parity_init(struct parity *p, const struct op_fixture *f, struct kp_error *e)
{
    memset(p, 0, sizeof(*p));
    p->f = f;
    p->rows = rows_of(f);
    p->graph.g.capacity = p->rows + SPARE_ROWS;
    struct kp_node *n = kp_graph_node(&p->graph.g, f->op);
    if (!n)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    n->attrs = f->attrs;
    for (int i = 0; i < f->array_count; i++)
        if (!add_array(p, i, n))
            return kp_fail(e, KP_E_FORMAT, "array %d of %s cannot be placed", i, f->name);
    return KP_OK;
}

static void parity_finish(struct parity *p)
{
    for (int i = 0; i < OP_ARRAYS; i++)
        free(p->given[i]);
    op_graph_finish(&p->graph);
}

/* Where a value's, or its slot's, doubles are on the reference device. */
static double *ref_at(const struct op_instance *x, const struct kp_value *v, int slot)
{
    if (slot > 0)
        return (double *)x->memory.slots +
               (v->offset + (size_t)(slot - 1) * x->graph.g.param_bytes) / sizeof(float);
    return kp_ref_values(&x->memory, v);
}

/* fill() rounds to f32, which the reference need not suffer. */
static void fill_exactly(const struct op_instance *x)
{
    for (int i = 0; i < x->graph.operand_count; i++) {
        const struct op_operand *o = &x->graph.operands[i];
        double *to = ref_at(x, o->v, o->slot);
        for (int64_t k = 0; k < kp_ref_count(o->v, x->rows); k++)
            to[k] = o->given[k];
    }
}

static enum kp_status check(const struct op_array *a, double tolerance, const double *got,
                            struct kp_error *e)
{
    int64_t count = kp_shape_count(a->shape);
    double scale = a->floor;
    for (int64_t i = 0; i < count; i++)
        scale = fmax(scale, fabs(a->data[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - a->data[i]) <= tolerance * scale))
            return kp_fail(e, KP_E_NUMERIC,
                           "result %d [%lld of %lld] is %.17g, PyTorch has %.17g, allowed %.3g",
                           a->index, (long long)i, (long long)count, got[i], a->data[i],
                           tolerance * scale);
    return KP_OK;
}

/* All results as doubles, whatever their type. */
static void widen(const struct op_instance *x, const float *results, double *wide)
{
    for (int i = 0; i < x->graph.result_count; i++) {
        const struct op_result *r = &x->graph.results[i];
        for (int64_t left = op_result_words(x, r); left > 0; left--, results++) {
            int32_t integer;
            memcpy(&integer, results, sizeof(integer));
            *wide++ = r->v->dtype == KP_I32 ? (double)integer : (double)*results;
        }
    }
}

static enum kp_status check_all(struct op_instance *x, const struct op_fixture *f, bool exact,
                                float poison, struct kp_error *e)
{
    float *results = calloc((size_t)x->result_words, sizeof(*results));
    double *wide = calloc((size_t)x->result_words, sizeof(*wide));
    const double *at = wide;
    enum kp_status st = KP_OK;
    int next = 0;

    if (!results || !wide)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        st = op_instance_results(x, poison, results, e);
    if (st == KP_OK)
        widen(x, results, wide);
    for (int i = 0; st == KP_OK && i < f->array_count; i++) {
        if (f->arrays[i].use == ARRAY_IN)
            continue;
        const struct op_result *r = &x->graph.results[next++];
        st = exact ? check(&f->arrays[i], REF_TOLERANCE, ref_at(x, r->v, r->slot), e)
                   : check(&f->arrays[i], r->ulps * 0x1p-24, at, e);
        at += op_result_words(x, r);
    }
    free(results);
    free(wide);
    return st;
}

static enum kp_status run_fixture(struct kp_device *d, bool exact, const struct op_fixture *f,
                                  struct kp_error *e)
{
    struct parity p;
    struct op_instance x = {0};
    enum kp_status st = parity_init(&p, f, e);
    if (st == KP_OK)
        st = op_instance_adopt(&x, d, &p.graph, p.rows, false, e);
    if (st == KP_OK) {
        x.memory.scalars[KP_SCALAR_LR] = f->lr;
        x.memory.scalars[KP_SCALAR_STEP] = f->step;
        st = op_instance_fill(&x, NAN, e);
    }
    if (st == KP_OK && exact)
        fill_exactly(&x);
    if (st == KP_OK)
        st = op_instance_run(&x, e);
    if (st == KP_OK)
        st = check_all(&x, f, exact, NAN, e);
    op_instance_finish(&x);
    parity_finish(&p);
    return st;
}

/* Adds to *passed and *failed. */
static void run_file(struct kp_device *d, bool exact, const char *path, int *passed, int *failed)
{
    FILE *file = fopen(path, "rb");
    struct op_fixture f;
    struct kp_error e = {0};
    bool more = file != NULL;
    if (!file)
        (void)kp_fail(&e, KP_E_IO, "%s: cannot be opened", path);
    while (e.status == KP_OK && op_fixture_read(file, path, &f, &more, &e) == KP_OK && more) {
        struct kp_error why = {0};
        bool ok = run_fixture(d, exact, &f, &why) == KP_OK;
        *passed += ok;
        *failed += !ok;
        (void)printf("%s %d - %s %s %s\n", ok ? "ok" : "not ok", *passed + *failed,
                     kp_op_name(f.op), f.name, why.text);
        op_fixture_finish(&f);
    }
    if (e.status != KP_OK) {
        (void)printf("not ok - %s\n", e.text);
        *failed += 1;
    }
    if (file)
        (void)fclose(file);
}

int main(int argc, char **argv)
{
    struct kp_device_config config = {.threads = 1, .slice = 16};
    struct kp_device *d = NULL;
    struct kp_error e = {0};
    int passed = 0, failed = 0;

    if (argc < 3) {
        (void)fputs("usage: test_op_parity cpu|ref FILE...\n", stderr);
        return 2;
    }
    if (kp_device_open(argv[1], &config, &d, &e) != KP_OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    for (int i = 2; i < argc; i++)
        run_file(d, strcmp(argv[1], "ref") == 0, argv[i], &passed, &failed);
    kp_device_close(d);
    (void)printf("# %d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
