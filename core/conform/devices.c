/* devices.c - the fast device against the reference: loss, gradients and logits. */
#include "conform/tests.h"

#include <math.h>
#include <stdlib.h>

/* Of the norm of what is compared; fp32 sums of some thousand terms stay far below. */
#define TOLERANCE 2e-3

/* What a device computes. */
struct results {
    double loss;
    float *v; /* gradients, then logits if there are any */
    int64_t grads, count;
};

static enum kp_status compute(struct kp_trial *t, struct kp_use u, const char *device,
                              struct results *out, struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_feed *feed;
    void *instance = NULL;

    u.device = device;
    enum kp_status st = usage->open(t, &u, &instance, e);
    if (st != KP_OK)
        return st;
    struct kp_stand *s = usage->stand(instance, &feed);
    const struct kp_program *p = s->eval;
    const int64_t logits = p ? kp_stand_count(p, p->logits, u.batch) : 0;

    out->grads = kp_net_param_count(s->net);
    out->count = out->grads + logits;
    out->v = calloc((size_t)out->count, sizeof(float));
    st = out->v ? kp_stand_train(s, feed, u.batch, 0, &out->loss, e)
                : kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        s->device->ops->download(s->device, out->v, s->training->memory.grads,
                                 (size_t)out->grads * sizeof(float));
    if (st == KP_OK && p)
        st = kp_stand_evaluate(s, feed, u.batch, e);
    if (st == KP_OK && p)
        kp_exec_read(s->evaluation, p->logits, out->v + out->grads, u.batch);
    usage->close(instance);
    return st;
}

/* |a - b| / |b| */
static double distance(const float *a, const float *b, int64_t n)
{
    double apart = 0, size = 0;

    for (int64_t i = 0; i < n; i++) {
        apart += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(apart) / (sqrt(size) + 1e-30);
}

static enum kp_status compare(struct kp_trial *t, const struct kp_use *u, struct kp_error *e)
{
    struct results fast = {0}, slow = {0};
    enum kp_status st = compute(t, *u, "cpu", &fast, e);

    if (st == KP_OK)
        st = compute(t, *u, "ref", &slow, e);
    if (st == KP_OK && !(fabs(fast.loss - slow.loss) <= TOLERANCE * (fabs(slow.loss) + 1e-3)))
        st = kp_fail(e, KP_E_NUMERIC, "the loss is %.9g on the cpu, %.9g on the reference device",
                     fast.loss, slow.loss);
    if (st == KP_OK && !(distance(fast.v, slow.v, slow.grads) <= TOLERANCE))
        st = kp_fail(e, KP_E_NUMERIC,
                     "the gradients on the cpu and on the reference device differ by %.2g of their "
                     "size",
                     distance(fast.v, slow.v, slow.grads));
    if (st == KP_OK &&
        !(distance(fast.v + fast.grads, slow.v + slow.grads, slow.count - slow.grads) <= TOLERANCE))
        st = kp_fail(e, KP_E_NUMERIC,
                     "the logits on the cpu and on the reference device differ by %.2g of their "
                     "size",
                     distance(fast.v + fast.grads, slow.v + slow.grads, slow.count - slow.grads));
    free(fast.v);
    free(slow.v);
    return st;
}

enum kp_status kp_check_devices(struct kp_trial *t, struct kp_error *e)
{
    struct kp_use u;
    enum kp_status st = kp_use_first(t, "ref", &u, e);

    if (st == KP_OK)
        st = compare(t, &u, e);
    u.seed++;
    u.batch += 16; /* more than one slice */
    return st == KP_OK ? compare(t, &u, e) : st;
}
