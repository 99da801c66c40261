/* emit.c - keeps what a plugin emits until the analysis ends. */
#include "analyse/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX = 4000000, ARRAYS_MAX = 4096 };

/* The declared value of this name; NULL and an error if there is none. */
static const struct kp_metric_value *value_of(struct kp_analysing *x, const char *name)
{
    const struct kp_analyser *y = x->analyser;

    for (uint32_t i = 0; i < y->value_count; i++) {
        const struct kp_metric_value *v =
            (const void *)((const char *)y->values + (size_t)i * y->value_size);
        if (strcmp(v->name, name) == 0)
            return v;
    }
    (void)kp_fail(x->error, KP_E_INVALID, "emits '%.60s', which its table of values has not", name);
    return NULL;
}

static void name_key(const struct kp_analysing *x, const char *name, char *out, size_t size)
{
    bool rows = x->analyser->needs & (KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_READS_GRADS);

    (void)snprintf(out, size, "%s/%s%s",
                   !rows           ? "run"
                   : x->job->train ? "train"
                                   : "test",
                   name, x->job->suffix);
}

static void *grown(struct kp_analysing *x, void *v, int64_t count, int64_t *room, int64_t most,
                   size_t size)
{
    int64_t larger = *room > 0 ? 2 * *room : 64;
    void *more;

    if (count < *room)
        return v;
    more = count < most ? realloc(v, (size_t)larger * size) : NULL;
    if (!more) {
        (void)kp_fail(x->error, KP_E_NOMEM, "no memory for more than %lld results",
                      (long long)count);
        return NULL;
    }
    *room = larger;
    return more;
}

static struct kp_finding *add(struct kp_analysing *x, const char *name, double value)
{
    const struct kp_metric_value *v;
    struct kp_finding *more;

    if (kp_analysing_failed(x))
        return NULL;
    v = value_of(x, name);
    more = v ? grown(x, x->found, x->found_count, &x->found_room, FOUND_MAX, sizeof(*more)) : NULL;
    if (!more)
        return NULL;
    x->found = more;
    more += x->found_count++;
    *more = (struct kp_finding){.unit = v->unit,
                                .higher_is_better = v->higher_is_better,
                                .subject = -1,
                                .pair = -1,
                                .value = value};
    name_key(x, name, more->key, sizeof(more->key));
    return more;
}

void kp_analysis_emit(struct kp_analysis *a, int64_t subject, const char *name, double value)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_finding *f = NULL;

    if (subject < -1 || subject >= x->job->subject_count)
        (void)kp_analysis_fail(a, KP_E_INVALID, "emits '%.60s' for subject %lld of %lld", name,
                               (long long)subject, (long long)x->job->subject_count);
    else
        f = add(x, name, value);
    if (f)
        f->subject = subject;
}

void kp_analysis_emit_pair(struct kp_analysis *a, int64_t pair, const char *name,
                           const char *estimator, int64_t n, double value)
{
    struct kp_analysing *x = kp_analysing_of(a);
    struct kp_finding *f = NULL;

    if (pair < 0 || pair >= x->job->pair_count)
        (void)kp_analysis_fail(a, KP_E_INVALID, "emits '%.60s' for pair %lld of %lld", name,
                               (long long)pair, (long long)x->job->pair_count);
    else
        f = add(x, name, value);
    if (!f)
        return;
    f->pair = pair;
    f->n = n;
    (void)snprintf(f->estimator, sizeof(f->estimator), "%s", estimator);
}

void kp_analysis_emit_array(struct kp_analysis *a, const char *name, struct kp_shape shape,
                            const double *v)
{
    struct kp_analysing *x = kp_analysing_of(a);
    const struct kp_metric_value *value;
    struct kp_found_array *more;
    size_t bytes = (size_t)kp_shape_count(shape) * sizeof(double);

    if (kp_analysing_failed(x))
        return;
    value = value_of(x, name);
    more = value ? grown(x, x->arrays, x->array_count, &x->array_room, ARRAYS_MAX, sizeof(*more))
                 : NULL;
    if (!more)
        return;
    x->arrays = more;
    more += x->array_count;
    *more = (struct kp_found_array){.unit = value->unit,
                                    .higher_is_better = value->higher_is_better,
                                    .shape = shape,
                                    .v = malloc(bytes)};
    if (!more->v) {
        (void)kp_fail(x->error, KP_E_NOMEM, "no memory for array '%.60s'", name);
        return;
    }
    memcpy(more->v, v, bytes);
    (void)snprintf(more->name, sizeof(more->name), "%s", name);
    name_key(x, name, more->key, sizeof(more->key));
    x->array_count++;
}
