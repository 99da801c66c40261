/* pool.c - pooling on LANE planes. */
#include "device/cpu/cpu.h"

static void pool_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_lane_pool *w = s->data;
    const struct kp_node *n = s->node;
    const struct kp_value *a = n->in[0], *y = n->out[0];
    const int64_t a_plane = kp_lane_plane(a), y_plane = kp_lane_plane(y);

    for (int64_t g = t->group; g < t->group_end; g++) {
        const float *pa = kp_floats(p, a) + g * kp_value_group(a);
        float *py = kp_floats(p, y) + g * kp_value_group(y);
        const float *pd = kp_floats(p, n->in[1]);
        if (pd)
            pd += g * kp_value_group(n->in[1]);
        for (int64_t c = 0; c < kp_lane_planes(a); c++) {
            if (n->op == KP_OP_MAX_POOL)
                p->lane->max_pool(w, pa + c * a_plane, py + c * y_plane);
            else if (n->op == KP_OP_MAX_POOL_GRAD)
                p->lane->max_pool_grad(w, pa + c * a_plane, pd + c * kp_lane_plane(n->in[1]),
                                       py + c * y_plane);
            else if (n->op == KP_OP_AVG_POOL)
                p->lane->avg_pool(w, pa + c * a_plane, py + c * y_plane);
            else
                p->lane->avg_pool_grad(w, pa + c * a_plane, py + c * y_plane);
        }
    }
}

void kp_lower_pool(struct kp_lowering *l, const struct kp_node *n)
{
    const struct kp_value *big = n->op == KP_OP_AVG_POOL_GRAD ? n->out[0] : n->in[0];
    const struct kp_value *small = n->op == KP_OP_MAX_POOL_GRAD   ? n->in[1]
                                   : n->op == KP_OP_AVG_POOL_GRAD ? n->in[0]
                                                                  : n->out[0];
    struct kp_lane_pool *w = kp_lower_alloc(l, sizeof(*w));

    if (!w)
        return;
    for (int d = 0; d < 2; d++) {
        w->in_size[d] = big->shape.dim[2 + d];
        w->out_size[d] = small->shape.dim[2 + d];
        w->size[d] = n->attrs.window.size[d];
        w->stride[d] = n->attrs.window.stride[d];
        w->pad[d] = n->attrs.window.pad[d];
    }
    kp_lower_step(l, KP_SLICES, pool_slice, w, 0);
}
