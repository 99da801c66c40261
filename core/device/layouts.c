/* layouts.c - from the first node to the last, each decides how it wants its operands. */
#include "device/layouts.h"

#include <stdlib.h>

struct planner {
    struct kp_graph *g;
    bool (*has)(const struct kp_value *v);
    int64_t room;             /* values that the arrays hold */
    bool *known;              /* [id] the layout is chosen */
    struct kp_value **turned; /* [id] the same numbers in the other layout, or NULL */
};

/* v in the layout `want`; a conversion before nodes[*at] if need be. NULL if out of memory. */
static struct kp_value *in_layout(struct planner *p, struct kp_value *v, enum kp_layout want,
                                  int64_t *at)
{
    if (!p->known[v->id]) {
        p->known[v->id] = true;
        v->layout = want;
    }
    if (v->layout == want)
        return v;
    if (!p->turned[v->id]) {
        struct kp_value *t = kp_graph_value(p->g, v->dtype, v->shape, true);
        struct kp_node *n = t ? kp_graph_node_insert(p->g, *at, KP_OP_CONVERT) : NULL;
        if (!n)
            return NULL;
        KP_ASSERT(t->id < p->room);
        t->layout = want;
        t->bf16 = v->bf16;
        p->known[t->id] = true;
        n->in[0] = v;
        n->out[0] = t;
        p->turned[v->id] = t;
        ++*at;
    }
    return p->turned[v->id];
}

static enum kp_layout given_to(const struct planner *p, const struct kp_node *n)
{
    for (int j = 0; j < KP_NODE_IN; j++)
        if (n->in[j] && p->has(n->in[j]) && p->known[n->in[j]->id] && n->in[j]->layout != KP_PLAIN)
            return n->in[j]->layout;
    return KP_PLAIN;
}

static enum kp_status plan(struct planner *p,
                           enum kp_layout (*wanted)(const struct kp_node *n, enum kp_layout given),
                           struct kp_error *e)
{
    for (int64_t i = 0; i < p->g->node_count; i++) {
        struct kp_node *n = p->g->nodes[i];
        const enum kp_layout want = wanted(n, given_to(p, n));

        for (int j = 0; j < KP_NODE_IN; j++) {
            if (!n->in[j] || !p->has(n->in[j]))
                continue;
            n->in[j] = in_layout(p, n->in[j], want, &i);
            if (!n->in[j])
                return kp_fail(e, KP_E_NOMEM, "no memory to plan a graph");
        }
        for (int j = 0; j < KP_NODE_OUT; j++) {
            struct kp_value *v = n->out[j];
            if (!v)
                continue;
            v->layout = p->has(v) ? want : KP_PLAIN;
            p->known[v->id] = true;
            if (n->op == KP_OP_RESHAPE) {
                v->alias = n->in[0]->alias ? n->in[0]->alias : n->in[0];
                v->place = n->in[0]->place;
            }
        }
    }
    return KP_OK;
}

enum kp_status kp_plan_layouts(struct kp_graph *g, bool (*has)(const struct kp_value *v),
                               enum kp_layout (*wanted)(const struct kp_node *n,
                                                        enum kp_layout given),
                               struct kp_error *e)
{
    struct planner p = {
        .g = g,
        .has = has,
        .room = g->value_count + (KP_NODE_IN + 1) * g->node_count + 1,
    };
    enum kp_status st = KP_OK;

    p.known = calloc((size_t)p.room, sizeof(*p.known));
    p.turned = calloc((size_t)p.room, sizeof(struct kp_value *));
    if (p.known && p.turned)
        st = plan(&p, wanted, e);
    else
        st = kp_fail(e, KP_E_NOMEM, "no memory to plan a graph");
    free(p.known);
    free(p.turned);
    return st;
}
