/* measure.c - the arithmetic that a plan stands for. */
#include "study/planning.h"
#include "study/session.h"
#include "tensor/flops.h"

/* Forward FLOPs of one example for the model of a configuration; 0 if it cannot be told. */
static double forward_flops(struct kp_session *s, struct kp_config *c)
{
    struct kp_error e = {0};
    struct kp_dataset *data = NULL;
    struct kp_net *net = NULL;
    double flops = 0;
    void *self = kp_config_model_self(c);

    if (!self || kp_session_data(s, c, NULL, &data, &e) != KP_OK)
        return 0;
    struct kp_model_io io = {sizeof(io), KP_F32, data->shape, data->classes};
    if (kp_net_create(c->model, self, &io, &net, &e) != KP_OK ||
        kp_net_forward_flops(net, &flops, &e) != KP_OK)
        flops = 0;
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

        r->forward_flops = forward_flops(&s, r->config);
        r->flops = samples * 3.0 * r->forward_flops;
        if ((r->config->objective->needs & KP_NEED_TEACHER_LOGITS) && r->teacher >= 0)
            r->flops += samples * p->runs[r->teacher].forward_flops;
    }
    kp_session_finish(&s);
}
