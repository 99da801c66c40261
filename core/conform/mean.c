/* mean.c - the loss is sum(w l) / sum(w), and a row's loss l does not depend on the other rows. */
#include "conform/tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-9
#define USES      4

static enum kp_status loss_of(struct kp_stand *s, const struct kp_feed *f, int64_t batch,
                              double *loss, struct kp_error *e)
{
    double rounded;
    enum kp_status st = kp_stand_train(s, f, batch, 0, &rounded, e);

    if (st == KP_OK)
        *loss = *kp_device_wide(&s->training->memory, s->train->loss);
    return st;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= TOLERANCE * (1 + fabs(b));
}

/* The loss of row `i` alone. */
static enum kp_status row_loss(struct kp_stand *s, struct kp_feed *f, int64_t batch, int64_t i,
                               double *loss, struct kp_error *e)
{
    float *weights = f->weights;
    float *one = calloc((size_t)f->rows, sizeof(*one));
    enum kp_status st = KP_OK;

    if (!one)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    one[i] = 1;
    f->weights = one;
    st = loss_of(s, f, batch, loss, e);
    f->weights = weights;
    free(one);
    return st;
}

static enum kp_status check_sum(struct kp_stand *s, struct kp_feed *f, int64_t batch,
                                struct kp_error *e)
{
    double whole, sum = 0, weight = 0;
    enum kp_status st = loss_of(s, f, batch, &whole, e);

    for (int64_t i = 0; st == KP_OK && i < f->rows; i++) {
        double row;

        if (!(f->weights[i] > 0))
            continue;
        st = row_loss(s, f, batch, i, &row, e);
        sum += (double)f->weights[i] * row;
        weight += (double)f->weights[i];
    }
    if (st == KP_OK && !near(whole, sum / weight))
        st = kp_fail(e, KP_E_NUMERIC,
                     "the loss is %.12g, but sum(w l) / sum(w) of its rows is %.12g; the last step "
                     "is kp_weighted_mean() with io->weights",
                     whole, sum / weight);
    return st;
}

/* Change the inputs and the teacher of all examples but that of row 0. */
static void change_others(struct kp_feed *f, const struct kp_model_io *io, int64_t batch)
{
    const int64_t x = kp_shape_count(io->input), t = kp_shape_count(io->labels) * io->classes;

    for (int64_t i = x; i < batch * x; i++)
        ((float *)f->x)[i] = 1 - 2 * ((float *)f->x)[i];
    for (int64_t i = t; i < batch * t; i++)
        f->teacher[i] = 3 - f->teacher[i];
}

static enum kp_status check_rows(struct kp_stand *s, struct kp_feed *f, int64_t batch,
                                 struct kp_error *e)
{
    double before, after;
    enum kp_status st = row_loss(s, f, batch, 0, &before, e);

    change_others(f, &s->net->io, batch);
    if (st == KP_OK)
        st = row_loss(s, f, batch, 0, &after, e);
    if (st == KP_OK && !near(after, before))
        st = kp_fail(e, KP_E_NUMERIC,
                     "the loss of a row is %.12g, and %.12g when other rows change, whose weight "
                     "is 0",
                     before, after);
    return st;
}

enum kp_status kp_check_mean(struct kp_trial *t, struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_use u;
    enum kp_status st = KP_OK;

    for (int i = 0; st == KP_OK && i < USES && usage->choose(t, i, &u); i++) {
        struct kp_feed *feed;
        void *instance = NULL;

        kp_trial_with(t, "%lld classes%s", (long long)u.classes, u.tokens > 0 ? ", tokens" : "");
        st = usage->open(t, &u, &instance, e);
        if (st == KP_OK) {
            struct kp_stand *s = usage->stand(instance, &feed);

            st = check_sum(s, feed, u.batch, e);
            if (st == KP_OK)
                st = check_rows(s, feed, u.batch, e);
        }
        if (instance)
            usage->close(instance);
        if (st != KP_OK)
            return kp_fail_in(e, "%s", t->slate->with);
    }
    return st;
}
