/* losses.c - put aside on the device, read in one piece. */
#include "train/losses.h"

#include <math.h>

#define BYTES (KP_LOSSES_LATE * sizeof(float))

enum kp_status kp_losses_init(struct kp_losses *l, struct kp_device *device, struct kp_error *e)
{
    *l = (struct kp_losses){.device = device, .unread = device->ops->alloc(device, BYTES)};
    return l->unread ? KP_OK : kp_fail(e, KP_E_NOMEM, "no memory for the losses");
}

void kp_losses_finish(struct kp_losses *l)
{
    if (l->unread)
        l->device->ops->release(l->device, l->unread, BYTES);
    l->unread = NULL;
}

void kp_losses_add(struct kp_losses *l, const struct kp_exec *x, double weight,
                   const struct kp_position *at)
{
    KP_ASSERT(!kp_losses_full(l));
    l->device->ops->put_aside(x->program->code, &x->memory, x->program->loss, l->unread, l->count);
    l->of[l->count].weight = weight;
    l->of[l->count].step = at->step;
    l->of[l->count].epoch = at->epoch;
    l->count++;
}

enum kp_status kp_losses_read(struct kp_losses *l, struct kp_position *at, struct kp_error *e)
{
    const int64_t count = l->count;
    float read[KP_LOSSES_LATE];

    if (count == 0)
        return KP_OK;
    l->device->ops->download(l->device, read, l->unread, (size_t)count * sizeof(*read));
    l->count = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(read[i]))
            return kp_fail(
                e, KP_E_NUMERIC,
                "the loss became %g in step %lld (epoch %lld); a smaller train.lr may help",
                (double)read[i], (long long)l->of[i].step, (long long)l->of[i].epoch);
        at->loss_sum += (double)read[i] * l->of[i].weight;
        at->loss_weight += l->of[i].weight;
    }
    return KP_OK;
}
