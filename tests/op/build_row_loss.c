/* build_row_loss.c - graphs of row functions, with and without the linear layer before them: one of
 * the helpers that add losses, one of the others. */
#include "builder.h"
#include "row_losses.h"

#include <math.h>

/* The emulated device finds kernels by their name. */
static const struct kp_row_image images[] = {
    {sizeof(struct kp_row_image), "", 1, "added_cuda"},
    {sizeof(struct kp_row_image), "", 1, "written_cuda"},
};

/* The case's row function, and what a row loss reads beside logits. */
static void add_function(struct op_builder *b, struct kp_node *n)
{
    static const struct kp_row_loss *const functions[] = {&added, &written};
    struct row_options *o = kp_arena_new(&b->out->g.memory, struct row_options, 1);
    struct kp_row_loss *row = kp_arena_new(&b->out->g.memory, struct kp_row_loss, 1);

    b->ok &= o && row;
    if (!o || !row)
        return;
    o->tau = b->c->factor;
    *row = *functions[b->c->index];
    row->image = &images[b->c->index];
    n->attrs.row = row;
    n->attrs.row_self = o;
    n->attrs.row_self_size = sizeof(*o);
    n->attrs.row_name = "of a case";
}

static struct kp_value *labels(struct op_builder *b, struct kp_shape rows)
{
    return op_special(b, KP_I32, rows, KP_AT_ARENA, FILL_LABELS);
}

static struct kp_value *weights(struct op_builder *b, struct kp_shape rows)
{
    return b->c->zero_weights ? op_normal(b, rows, KP_AT_ARENA, 0, 0)
                              : op_special(b, KP_F32, rows, KP_AT_ARENA, FILL_WEIGHTS);
}

static struct kp_value *slope(struct op_builder *b)
{
    b->out->dy = op_normal(b, (struct kp_shape){0}, KP_AT_ARENA, 0, 1);
    b->out->dy->batched = false;
    return b->out->dy;
}

void op_build_row_loss(struct op_builder *b)
{
    const struct op_case *c = b->c;
    struct kp_shape shape = op_input_shape(c), rows = shape;
    struct kp_node *n = op_node(b, KP_OP_ROW_LOSS);
    const double ulps = 2 * op_sum_ulps((double)c->channels);

    add_function(b, n);
    rows.dim[--rows.n] = 0;
    n->in[0] = op_main_input(b, shape);
    n->in[1] = labels(b, rows);
    n->in[2] = op_main_input(b, shape);
    n->in[3] = weights(b, rows);
    n->in[4] = slope(b);
    n->out[0] = b->out->y = op_fixed(b, (struct kp_shape){0});
    (void)op_result_add(b, b->out->y, ulps, 0);
    n->out[1] = op_gradient(b, n->in[0], ulps, 0);
    b->out->flops = b->count * op_each(shape);
}

/* The same for all examples. */
static struct kp_value *shared(struct kp_value *v)
{
    v->batched = false;
    return v;
}

/* channels are the numbers of a row, outputs the classes; width those of a row of the teacher, 0
 * where its logits are given. */
void op_build_head_loss(struct op_builder *b)
{
    const struct op_case *c = b->c;
    const int64_t classes = c->outputs, in = c->channels, rows_each = c->height > 0 ? c->height : 1;
    struct kp_shape rows = {.n = c->height > 0 ? 2 : 1, .dim = {c->capacity, c->height}};
    struct kp_shape x = rows, t = rows;
    struct kp_node *n = op_node(b, KP_OP_HEAD_LOSS);
    const double ulps = 2 * op_sum_ulps((double)classes) + 2 * op_sum_ulps((double)in);
    /* a dz within rounding of the middle between two bf16 may go to the other one, 2^-7 of it away
     */
    const double grad_ulps = c->bf16 ? ulps + 0x1p17 : ulps;
    const double in_sd = b->sd / sqrt((double)in), t_sd = b->sd / sqrt((double)c->width);

    add_function(b, n);
    x.dim[x.n++] = in;
    t.dim[t.n++] = c->width > 0 ? c->width : classes;
    n->in[KP_HEAD_X] = op_normal(b, x, KP_AT_ARENA, 0, 1);
    n->in[KP_HEAD_W] = op_normal(b, kp_shape2(classes, in), KP_AT_PARAMS, 0, in_sd);
    n->in[KP_HEAD_B] = c->bias ? op_normal(b, kp_shape1(classes), KP_AT_PARAMS, 0, 1) : NULL;
    n->in[KP_HEAD_LABELS] = labels(b, rows);
    n->in[KP_HEAD_WEIGHTS] = weights(b, rows);
    n->in[KP_HEAD_DY] = slope(b);
    n->in[KP_HEAD_T] = op_normal(b, t, KP_AT_ARENA, 0, 1);
    if (c->width > 0) {
        n->in[KP_HEAD_TW] =
            shared(op_normal(b, kp_shape2(classes, c->width), KP_AT_ARENA, 0, t_sd));
        n->in[KP_HEAD_TB] =
            c->bias ? shared(op_normal(b, kp_shape1(classes), KP_AT_ARENA, 0, 1)) : NULL;
    }
    n->out[KP_HEAD_LOSS] = b->out->y = op_fixed(b, (struct kp_shape){0});
    (void)op_result_add(b, b->out->y, ulps, 0);
    if (b->parts & PART_GRAD_X)
        n->out[KP_HEAD_DX] = op_gradient(b, n->in[KP_HEAD_X], grad_ulps, 0);
    if (b->parts & PART_GRAD_W) {
        n->out[KP_HEAD_DW] = op_gradient(b, n->in[KP_HEAD_W], grad_ulps, 0);
        n->out[KP_HEAD_DB] = c->bias ? op_gradient(b, n->in[KP_HEAD_B], grad_ulps, 0) : NULL;
    }
    b->out->flops = 2 * b->count * (double)(rows_each * in * classes);
}
