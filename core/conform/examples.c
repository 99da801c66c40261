/* examples.c - in evaluation an example's logits do not depend on the rest of its batch. */
#include "conform/tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* On the reference device, which computes each example in the same order in double. */
#define TOLERANCE 1e-6

struct shown {
    struct kp_stand *stand;
    const struct kp_feed *feed;
    int64_t batch;
    size_t example; /* bytes of one */
    int64_t width;  /* logits of one */
};

/* Evaluate these examples of the feed as one batch. */
static enum kp_status evaluate(const struct shown *s, const int64_t *number, int64_t count,
                               float *logits, struct kp_error *e)
{
    struct kp_feed f = {.x = malloc((size_t)count * s->example)};
    enum kp_status st = KP_OK;

    if (!f.x)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < count; i++)
        memcpy((char *)f.x + (size_t)i * s->example,
               (const char *)s->feed->x + (size_t)number[i] * s->example, s->example);
    st = kp_stand_evaluate(s->stand, &f, count, e);
    if (st == KP_OK)
        kp_exec_read(s->stand->evaluation, s->stand->eval->logits, logits, count);
    free(f.x);
    return st;
}

static bool same(const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= TOLERANCE * (1 + fabs((double)b[i]))))
            return false;
    return true;
}

static enum kp_status check(const struct shown *s, struct kp_error *e)
{
    const size_t floats = (size_t)(s->batch * s->width);
    float *all = calloc(floats, sizeof(float)), *other = calloc(floats, sizeof(float));
    int64_t *number = calloc((size_t)s->batch, sizeof(*number));
    enum kp_status st = all && other && number ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");

    for (int64_t i = 0; st == KP_OK && i < s->batch; i++)
        number[i] = i;
    if (st == KP_OK)
        st = evaluate(s, number, s->batch, all, e);
    for (int64_t i = 0; st == KP_OK && i < s->batch; i++) {
        st = evaluate(s, &number[i], 1, other, e);
        if (st == KP_OK && !same(other, all + i * s->width, s->width))
            st = kp_fail(e, KP_E_NUMERIC,
                         "example %lld has other logits alone than in a batch of %lld, in "
                         "evaluation",
                         (long long)i, (long long)s->batch);
    }
    for (int64_t i = 0; st == KP_OK && i < s->batch; i++)
        number[i] = s->batch - 1 - i;
    if (st == KP_OK)
        st = evaluate(s, number, s->batch, other, e);
    for (int64_t i = 0; st == KP_OK && i < s->batch; i++)
        if (!same(other + i * s->width, all + number[i] * s->width, s->width))
            st = kp_fail(e, KP_E_NUMERIC,
                         "example %lld has other logits when the batch is turned round, in "
                         "evaluation",
                         (long long)number[i]);
    free(all);
    free(other);
    free(number);
    return st;
}

enum kp_status kp_check_examples(struct kp_trial *t, struct kp_error *e)
{
    const struct kp_usage *usage = kp_usage_of(t);
    struct kp_use u;
    void *instance = NULL;
    enum kp_status st = kp_use_first(t, "ref", &u, e);

    if (st == KP_OK)
        st = usage->open(t, &u, &instance, e);
    if (st == KP_OK) {
        struct kp_feed *feed;
        struct kp_stand *stand = usage->stand(instance, &feed);
        struct shown s = {.stand = stand, .feed = feed, .batch = u.batch};

        s.example = (size_t)kp_shape_count(stand->net->io.input) * sizeof(float);
        s.width = kp_stand_count(stand->eval, stand->eval->logits, 1);
        st = check(&s, e);
    }
    if (instance)
        usage->close(instance);
    return st;
}
