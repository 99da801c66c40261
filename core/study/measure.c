/* measure.c - the arithmetic that a plan stands for. */
#include "study/planning.h"
#include "study/recipe.h"
#include "study/session.h"
#include "tensor/flops.h"

/* Of the model of a configuration and its training; 0 if it cannot be told. */
static struct kp_flops flops_of(struct kp_session *s, struct kp_config *c)
{
    const struct kp_flops unknown = {0, 0};
    struct kp_error e = {0};
    struct kp_dataset *data = NULL;
    struct kp_net *net = NULL;
    struct kp_flops flops = unknown;
    struct kp_model_use model;

    if (kp_recipe_model(c, &model, &e) != KP_OK || kp_session_data(s, c, NULL, &data, &e) != KP_OK)
        return unknown;
    if (kp_model_build(&model, data, &net, &e) != KP_OK ||
        kp_net_flops(net, c->core.train.freeze, &flops, &e) != KP_OK)
        flops = unknown;
    kp_net_destroy(net);
    return flops;
}

void kp_plan_measure(struct kp_plan *p)
{
    struct kp_session s = {0};

    for (int64_t i = 0; i < p->count; i++) {
        struct kp_planned *r = &p->runs[i];

        if (r->analysis)
            continue;
        double samples = (double)(r->config->m * r->config->core.train.epochs);

        struct kp_flops flops = flops_of(&s, r->config);

        r->forward_flops = flops.forward;
        r->flops = samples * flops.training;
        if ((r->config->objective->needs & KP_NEED_TEACHER_LOGITS) && r->teacher.run >= 0)
            r->flops += samples * p->runs[r->teacher.run].forward_flops;
    }
    kp_session_finish(&s);
}
