/* build_row_loss.c - graphs of row functions. */
#include "builder.h"
#include "row_losses.h"

/* The emulated device finds kernels by their name. */
static const struct kp_row_image images[] = {
    {sizeof(struct kp_row_image), "", 1, "added_cuda"},
    {sizeof(struct kp_row_image), "", 1, "written_cuda"},
};

void op_build_row_loss(struct op_builder *b)
{
    static const struct kp_row_loss *const functions[] = {&added, &written};
    const struct op_case *c = b->c;
    struct kp_shape shape = op_input_shape(c), rows = shape;
    struct row_options *o = kp_arena_new(&b->out->g.memory, struct row_options, 1);
    struct kp_row_loss *row = kp_arena_new(&b->out->g.memory, struct kp_row_loss, 1);
    struct kp_node *n = op_node(b, KP_OP_ROW_LOSS);
    const double ulps = 2 * op_sum_ulps((double)c->channels);

    b->ok &= o && row;
    if (!o || !row)
        return;
    o->tau = c->factor;
    rows.dim[--rows.n] = 0;
    *row = *functions[c->index];
    row->image = &images[c->index];
    n->attrs.row = row;
    n->attrs.row_self = o;
    n->attrs.row_self_size = sizeof(*o);
    n->attrs.row_name = "of a case";
    n->in[0] = op_main_input(b, shape);
    n->in[1] = op_special(b, KP_I32, rows, KP_AT_ARENA, FILL_LABELS);
    n->in[2] = op_main_input(b, shape);
    n->in[3] = c->zero_weights ? op_normal(b, rows, KP_AT_ARENA, 0, 0)
                               : op_special(b, KP_F32, rows, KP_AT_ARENA, FILL_WEIGHTS);
    n->in[4] = b->out->dy = op_normal(b, (struct kp_shape){0}, KP_AT_ARENA, 0, 1);
    b->out->dy->batched = false;
    n->out[0] = b->out->y = op_fixed(b, (struct kp_shape){0});
    (void)op_result_add(b, b->out->y, ulps, 0);
    n->out[1] = op_gradient(b, n->in[0], ulps, 0);
    b->out->flops = b->count * op_each(shape);
}
