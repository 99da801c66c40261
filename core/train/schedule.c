/* schedule.c - learning rate by step. */
#include "train/schedule.h"

#include <math.h>

/* The share `done` of the way from lr down to lr_final. */
static double cosine(const struct kp_schedule *s, double done)
{
    const double pi = 3.14159265358979323846;

    return s->lr_final + (s->lr - s->lr_final) / 2.0 * (1.0 + cos(pi * done));
}

static double cosine_epoch(const struct kp_schedule *s, int64_t epoch)
{
    const int64_t annealed = s->epochs - s->warmup_epochs;

    if (epoch < s->warmup_epochs)
        return s->lr * (s->warmup_factor +
                        (1.0 - s->warmup_factor) * (double)epoch / (double)s->warmup_epochs);
    if (annealed <= 0)
        return s->lr;
    return cosine(s, (double)(epoch - s->warmup_epochs) / (double)annealed);
}

/* The part of the warm-up, which begins at 0, that is done before this step; 1 after it. */
static double warmth(const struct kp_schedule *s, struct kp_moment at)
{
    const int64_t steps = s->warmup_epochs * at.epoch_steps;

    return at.step < steps ? (double)at.step / (double)steps : 1.0;
}

static double cosine_step(const struct kp_schedule *s, struct kp_moment at)
{
    const int64_t warm = s->warmup_epochs * at.epoch_steps;
    const int64_t annealed = s->epochs * at.epoch_steps - warm;

    if (at.step < warm || annealed <= 0)
        return s->lr * warmth(s, at);
    return cosine(s, (double)(at.step - warm) / (double)annealed);
}

static double multistep(const struct kp_schedule *s, struct kp_moment at)
{
    double lr = s->lr * warmth(s, at);

    for (int64_t i = 0; i < s->milestones.count && s->milestones.v[i] <= at.epoch; i++)
        lr *= s->lr_factor;
    return lr;
}

static double languini(const struct kp_schedule *s, int64_t step)
{
    const int64_t t = step + 1;
    const double warm = t < s->warmup_steps ? (double)t / (double)s->warmup_steps : 1.0;

    return warm * cosine(s, t < s->decay_steps ? (double)t / (double)s->decay_steps : 1.0);
}

double kp_schedule_lr(const struct kp_schedule *s, struct kp_moment at)
{
    switch (s->kind) {
    case KP_SCHEDULE_COSINE_EPOCH:
        return cosine_epoch(s, at.epoch);
    case KP_SCHEDULE_COSINE:
        return cosine_step(s, at);
    case KP_SCHEDULE_MULTISTEP:
        return multistep(s, at);
    case KP_SCHEDULE_LANGUINI:
        return languini(s, at.step);
    case KP_SCHEDULE_CONSTANT:
        break;
    }
    return s->lr;
}
