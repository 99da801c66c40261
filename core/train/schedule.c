/* schedule.c - learning rate by epoch. */
#include "train/schedule.h"

#include <math.h>

double kp_schedule_lr(const struct kp_schedule *s, int64_t epoch)
{
    const double pi = 3.14159265358979323846;

    if (s->kind == KP_SCHEDULE_CONSTANT)
        return s->lr;
    if (epoch < s->warmup_epochs)
        return s->lr * (s->warmup_factor +
                        (1.0 - s->warmup_factor) * (double)epoch / (double)s->warmup_epochs);
    int64_t annealed = s->epochs - s->warmup_epochs;
    if (annealed <= 0)
        return s->lr;
    return s->lr / 2.0 * (1.0 + cos(pi * (double)(epoch - s->warmup_epochs) / (double)annealed));
}
