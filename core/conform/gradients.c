/* gradients.c - gradients on the reference device against central differences, in double.
 *
 * For the gradient g of the loss L and a random direction v of all parameters,
 * (L(p + h v) - L(p - h v)) / 2h must be <g, v>. Where ReLU has its kink inside the step the
 * difference is wrong, and with a small step it is inexact, so a direction is right if it is so at
 * one of several steps. */
#include "conform/tests.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTIONS 3
#define TOLERANCE  1e-5
#define AWAY       0.05
#define USES       4

static const double steps[] = {1e-5, 1e-6, 1e-7};

struct slope {
    struct kp_stand *stand;
    struct kp_feed *feed;
    int64_t batch, first, count; /* the parameters that move */
    uint64_t seed;
    const double *gradient; /* of all parameters */
};

static double direction(const struct slope *s, int number, int64_t i)
{
    const struct kp_rng_key key = {.seed = s->seed, .epoch = (uint32_t)number};

    return kp_rng_normal(key, (uint64_t)i, 3);
}

/* The loss, in double, of parameters that the step leaves alone. */
static enum kp_status loss_of(const struct slope *s, double *loss, struct kp_error *e)
{
    double rounded;

    s->stand->state->updates = 0; /* the same dropout each time */
    enum kp_status st = kp_stand_train(s->stand, s->feed, s->batch, 0, &rounded, e);
    if (st == KP_OK)
        *loss = *kp_device_wide(&s->stand->training->memory, s->stand->train->loss);
    return st;
}

static double *params_of(const struct slope *s)
{
    const struct kp_value all = {.place = KP_AT_PARAMS};

    return kp_device_wide(&s->stand->training->memory, &all);
}

static enum kp_status difference(const struct slope *s, int number, double h, double *out,
                                 double *rounding, struct kp_error *e)
{
    double *p = params_of(s), loss[2] = {0, 0};
    enum kp_status st = KP_OK;
    double *kept = malloc((size_t)s->count * sizeof(*kept));

    if (!kept)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    memcpy(kept, p + s->first, (size_t)s->count * sizeof(*kept));
    for (int side = 0; st == KP_OK && side < 2; side++) {
        for (int64_t i = 0; i < s->count; i++)
            p[s->first + i] = kept[i] + (side ? -h : h) * direction(s, number, s->first + i);
        st = loss_of(s, &loss[side], e);
    }
    memcpy(p + s->first, kept, (size_t)s->count * sizeof(*kept));
    free(kept);
    *out = (loss[0] - loss[1]) / (2 * h);
    *rounding = 64 * 0x1p-52 / h * (fabs(loss[0]) + 1);
    return st;
}

/* Is the gradient right along a direction? */
static enum kp_status right(const struct slope *s, int number, bool *is_right, double *numeric,
                            double *analytic, struct kp_error *e)
{
    double terms = 0, rounding = 0;

    *analytic = 0;
    *is_right = false;
    for (int64_t i = s->first; i < s->first + s->count; i++) {
        *analytic += s->gradient[i] * direction(s, number, i);
        terms += fabs(s->gradient[i] * direction(s, number, i));
    }
    for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]) && !*is_right; k++) {
        enum kp_status st = difference(s, number, steps[k], numeric, &rounding, e);
        if (st != KP_OK)
            return st;
        *is_right = fabs(*numeric - *analytic) <= TOLERANCE * terms + rounding;
    }
    return KP_OK;
}

/* Which of the parameters has the wrong gradient? The first that has. */
static enum kp_status blame(const struct slope *all, int number, struct kp_error *e)
{
    const struct kp_net_list *params = &all->stand->net->params;

    for (int64_t b = 0; b < params->count; b++) {
        struct slope s = *all;
        double numeric, analytic;
        bool is_right;

        s.first = (int64_t)(params->v[b]->offset / sizeof(float));
        s.count = kp_shape_count(params->v[b]->shape);
        enum kp_status st = right(&s, number, &is_right, &numeric, &analytic, e);
        if (st != KP_OK)
            return st;
        if (!is_right)
            return kp_fail(e, KP_E_NUMERIC,
                           "the gradient of %s is wrong: along a random direction differences "
                           "give %.9g, the gradient gives %.9g",
                           params->v[b]->name, numeric, analytic);
    }
    return KP_OK;
}

/* Away from where parameters begin: biases of 0 can put a ReLU on its kink. */
static void leave_start(const struct slope *s)
{
    double *p = params_of(s);

    for (int64_t i = 0; i < s->count; i++)
        p[i] += AWAY * direction(s, DIRECTIONS, i);
}

static enum kp_status check(struct slope *s, struct kp_error *e)
{
    const struct kp_value grads = {.place = KP_AT_GRADS};
    double loss, numeric = 0, analytic = 0;
    double *copy = malloc((size_t)s->count * sizeof(*copy));

    leave_start(s);
    enum kp_status st = copy ? loss_of(s, &loss, e) : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st == KP_OK && !isfinite(loss))
        st = kp_fail(e, KP_E_NUMERIC, "the loss of ordinary numbers is %g", loss);
    if (st == KP_OK)
        memcpy(copy, kp_device_wide(&s->stand->training->memory, &grads),
               (size_t)s->count * sizeof(*copy));
    s->gradient = copy;
    for (int number = 0; st == KP_OK && number < DIRECTIONS; number++) {
        bool is_right;

        st = right(s, number, &is_right, &numeric, &analytic, e);
        if (st != KP_OK || is_right)
            continue;
        st = blame(s, number, e);
        if (st == KP_OK)
            st = kp_fail(e, KP_E_NUMERIC,
                         "the gradient is wrong: along a random direction differences give %.9g, "
                         "the gradient gives %.9g",
                         numeric, analytic);
    }
    free(copy);
    return st;
}

static enum kp_status check_use(struct kp_trial *t, const struct kp_use *u, struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct slope s = {.batch = u->batch, .seed = u->seed};
    void *instance = NULL;
    enum kp_status st = usage->open(t, u, &instance, e);

    if (st != KP_OK)
        return st;
    s.stand = usage->stand(instance, &s.feed);
    s.count = kp_net_param_count(s.stand->net);
    st = check(&s, e);
    usage->close(instance);
    return st == KP_OK ? KP_OK : kp_fail_in(e, "with %lld classes", (long long)u->classes);
}

enum kp_status kp_check_gradients(struct kp_trial *t, struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_use u;
    enum kp_status st = kp_use_first(t, "ref", &u, e);

    if (st == KP_OK)
        st = check_use(t, &u, e);
    /* A model is slow, an operation may refuse any other shape; a loss does neither. */
    for (int i = 1; usage == &kp_use_objective && st == KP_OK && i < USES; i++)
        if (usage->choose(t, i, &u))
            st = check_use(t, &u, e);
    return st;
}
