/* loss_bench.c - times the loss of 2048 rows of 16 384 logits and its gradient; see turns.h.
 *
 *   loss_bench [--threads N] [--objective lt|kd] */
#include "builder.h"
#include "harness.h"
#include "support/rig.h"
#include "turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2048, CLASSES = 16384 };

static enum kp_status step(void *arg, struct kp_error *e)
{
    return op_instance_run(arg, e);
}

/* One operation; *g is finished by whoever adopts it. */
static enum kp_status build(const struct kp_objective_def *o, const void *self, struct op_graph *g,
                            struct kp_error *e)
{
    const struct op_case c = {
        .op = KP_OP_ROW_LOSS, .capacity = ROWS, .rows = ROWS, .channels = CLASSES};
    struct op_builder b = {&c, PART_FORWARD | PART_GRAD_X, g, true, 1, ROWS};
    const struct kp_shape shape = kp_shape2(ROWS, CLASSES);

    memset(g, 0, sizeof(*g));
    g->g.mode = KP_TRAIN;
    g->g.capacity = ROWS;
    struct kp_node *n = op_node(&b, KP_OP_ROW_LOSS);
    n->attrs.row = kp_objective_row(o);
    n->attrs.row_self = self;
    n->attrs.row_name = o->name;
    n->in[0] = op_main_input(&b, shape);
    n->in[1] = op_special(&b, KP_I32, kp_shape1(ROWS), KP_AT_ARENA, FILL_LABELS);
    if (o->needs & KP_NEED_TEACHER_LOGITS)
        n->in[2] = op_main_input(&b, shape);
    n->in[3] = op_special(&b, KP_F32, kp_shape1(ROWS), KP_AT_ARENA, FILL_WEIGHTS);
    n->out[0] = op_result_add(&b, op_fixed(&b, (struct kp_shape){0}), 0, 0);
    n->out[1] = op_gradient(&b, n->in[0], 0, 0);
    if (b.ok)
        return KP_OK;
    op_graph_finish(g);
    return kp_fail(e, KP_E_NOMEM, "out of memory");
}

static enum kp_status measure(struct rig *rig, const char *objective, int threads,
                              struct kp_error *e)
{
    const struct kp_device_config config = {.threads = threads, .slice = 32};
    const struct kp_objective_def *def = NULL;
    struct kp_device *device = NULL;
    struct op_instance x = {0};
    struct op_graph g;
    void *self = NULL;
    enum kp_status st = rig_objective(rig, objective, NULL, &def, &self, e);

    if (st == KP_OK)
        st = build(def, self, &g, e);
    if (st != KP_OK)
        return st;
    st = kp_device_open("cpu", &config, &device, e);
    if (st != KP_OK) {
        op_graph_finish(&g);
        return st;
    }
    st = op_instance_adopt(&x, device, &g, ROWS, false, e);
    if (st == KP_OK)
        st = op_instance_fill(&x, 0, e);
    if (st == KP_OK)
        st = turns_serve(step, &x, e);
    op_instance_finish(&x);
    kp_device_close(device);
    return st;
}

int main(int argc, char **argv)
{
    const char *objective = "lt";
    long threads = 2;
    struct rig rig;
    struct kp_error e = {0};

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--objective") == 0)
            objective = argv[i + 1];
        else
            threads = i + 1 < argc && strcmp(argv[i], "--threads") == 0
                          ? strtol(argv[i + 1], NULL, 10)
                          : 0;
    }
    if (threads < 1 || threads > 1024) {
        (void)fputs("usage: loss_bench [--threads N] [--objective lt|kd]\n", stderr);
        return 2;
    }
    enum kp_status st = rig_open(&rig, KP_BUILD_ROOT, &e);
    if (st == KP_OK) {
        st = measure(&rig, objective, (int)threads, &e);
        rig_close(&rig);
    }
    if (st != KP_OK)
        (void)fprintf(stderr, "loss_bench: %s\n", e.text);
    return st == KP_OK ? 0 : 1;
}
