/* use_metric.c - a metric in use: it observes made-up rows, in one call and in several. */
#include "conform/use_metric.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOGITS = 11, TEACHER, LABELS, LENGTHS };

static const struct {
    int64_t rows, classes;
} choices[] = {{37, 5}, {64, 10}, {1, 3}, {13, 2}, {9, 101}};

static bool choose_metric(const struct kp_trial *t, int i, struct kp_use *u)
{
    if (i >= (int)(sizeof(choices) / sizeof(choices[0])))
        return false;
    *u = (struct kp_use){.device = "ref",
                         .batch = choices[i].rows,
                         .classes = choices[i].classes,
                         .seed = t->slate->seed};
    return true;
}

void kp_used_metric_close(void *instance)
{
    struct kp_used_metric *m = instance;

    kp_guards_finish(&m->memory);
    kp_guarded_finish(&m->guarded);
    free(m);
}

static double normal(uint64_t seed, int what, int64_t row, int64_t k)
{
    const struct kp_rng_key key = {.seed = seed, .epoch = (uint32_t)what};

    return 2 * kp_rng_normal(key, (uint64_t)row, (uint32_t)k);
}

/* Characters of each token; every other number of classes is no text. */
static bool make_lengths(const struct kp_used_metric *m, struct kp_guards *g, const float **out)
{
    const struct kp_rng_key key = {.seed = m->seed, .epoch = LENGTHS};

    *out = NULL;
    if (m->classes % 2 == 0)
        return true;
    float *length = kp_guard_alloc(g, "the lengths", (size_t)m->classes * sizeof(*length), 0);
    for (int64_t k = 0; length && k < m->classes; k++)
        length[k] = (float)kp_rng_below(key, (uint64_t)k, 0, 12);
    if (length)
        kp_guard_seal(g, length, true);
    *out = length;
    return length != NULL;
}

/* Rows [first, first + count) of those that there are, in guarded memory. */
static enum kp_status make_rows(const struct kp_used_metric *m, struct kp_guards *g, int64_t first,
                                int64_t count, const struct kp_rows **out, struct kp_error *e)
{
    const struct kp_rng_key labels = {.seed = m->seed, .epoch = LABELS};
    const size_t cells = (size_t)(count * m->classes);
    struct kp_rows *rows = kp_guard_alloc(g, "kp_rows", sizeof(*rows), 0);
    float *logits = kp_guard_alloc(g, "the logits", cells * sizeof(float), 0);
    float *teacher = kp_guard_alloc(g, "the teacher's logits", cells * sizeof(float), 0);
    int32_t *label = kp_guard_alloc(g, "the labels", (size_t)count * sizeof(*label), 0);
    const float *length;

    if (!make_lengths(m, g, &length) || !rows || !logits || !teacher || !label)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        label[i] =
            (int32_t)kp_rng_below(labels, (uint64_t)(first + i), 0, (uint64_t)m->classes + 1) - 1;
        for (int64_t k = 0; k < m->classes; k++) {
            logits[i * m->classes + k] = (float)normal(m->seed, LOGITS, first + i, k);
            teacher[i * m->classes + k] = (float)normal(m->seed, TEACHER, first + i, k);
        }
    }
    *rows = (struct kp_rows){sizeof(*rows),
                             count,
                             m->classes,
                             logits,
                             m->def->needs & KP_METRIC_NEEDS_TEACHER ? teacher : NULL,
                             label,
                             length};
    kp_guard_seal(g, rows, true);
    kp_guard_seal(g, logits, true);
    kp_guard_seal(g, teacher, true);
    kp_guard_seal(g, label, true);
    *out = rows;
    return KP_OK;
}

static enum kp_status open_metric(const struct kp_trial *t, const struct kp_use *u, void **out,
                                  struct kp_error *e)
{
    const struct kp_metric_def *d = t->def;
    struct kp_used_metric *m = calloc(1, sizeof(*m));

    if (!m)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    m->def = d;
    m->rows = u->batch;
    m->classes = u->classes;
    m->seed = u->seed;
    m->poison = u->poison;
    enum kp_status st = kp_guarded_open(t, u, &d->options, d->self_size, &m->guarded, e);
    if (st == KP_OK)
        st = make_rows(m, &m->guarded.guards, 0, m->rows, &m->all, e);
    if (st == KP_OK)
        *out = m;
    else
        kp_used_metric_close(m);
    return st;
}

enum kp_status kp_used_metric_observe(struct kp_used_metric *m, int64_t chunk, double *sums,
                                      double *values, struct kp_error *e)
{
    const size_t sum_count = m->def->sum_count;
    struct kp_guards *g = &m->memory;
    double *s = kp_guard_alloc(g, "the sums", sum_count * sizeof(double), 0);
    double *part = kp_guard_alloc(g, "the sums", sum_count * sizeof(double), 0);
    double *v = kp_guard_alloc(g, "the values", m->def->value_count * sizeof(double), m->poison);
    enum kp_status st = s && part && v ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");

    for (int64_t at = 0; st == KP_OK && at < m->rows; at += chunk) {
        const struct kp_rows *rows = m->all;

        if (chunk < m->rows)
            st = make_rows(m, g, at, m->rows - at < chunk ? m->rows - at : chunk, &rows, e);
        if (st != KP_OK)
            break;
        memset(part, 0, sum_count * sizeof(double));
        kp_guarded_call(&m->guarded, "observe");
        m->def->observe(m->guarded.self, rows, part);
        kp_guarded_call(&m->guarded, NULL);
        for (size_t k = 0; k < sum_count; k++)
            s[k] += part[k];
    }
    if (st == KP_OK) {
        if (sums)
            memcpy(sums, s, sum_count * sizeof(double));
        kp_guard_seal(g, s, true);
        kp_guarded_call(&m->guarded, "result");
        m->def->result(m->guarded.self, s, v);
        kp_guarded_call(&m->guarded, NULL);
        memcpy(values, v, m->def->value_count * sizeof(double));
        st = kp_guards_check(g, e);
    }
    kp_guards_finish(g);
    return st;
}

static enum kp_status run_metric(void *instance, struct kp_hasher *h, struct kp_error *e)
{
    struct kp_used_metric *m = instance;
    double *values = calloc(m->def->value_count + 1, sizeof(*values));
    enum kp_status st = values ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st == KP_OK)
        st = kp_used_metric_observe(m, m->rows, NULL, values, e);
    for (uint32_t i = 0; st == KP_OK && i < m->def->value_count; i++) {
        /* Two NaNs are one result, whatever their bits. */
        const double value = isnan(values[i]) ? (double)NAN : values[i];
        kp_hasher_add(h, &value, sizeof(value));
    }
    free(values);
    return st == KP_OK ? kp_guarded_check(&m->guarded, e) : st;
}

static const struct kp_option_table *metric_options(const void *def)
{
    return &((const struct kp_metric_def *)def)->options;
}

static void vary_metric(int i, struct kp_use *u)
{
    const struct kp_rng_key key = {.seed = u->seed, .epoch = 79};

    u->batch = 1 + (int64_t)kp_rng_below(key, (uint64_t)i, 0, 70);
    u->classes = 1 + (int64_t)kp_rng_below(key, (uint64_t)i, 1, i % 4 == 3 ? 300 : 12);
}

const struct kp_usage kp_use_metric = {
    .kind = "metric",
    .busy = 3000,
    .runs = 20,
    .choose = choose_metric,
    .open = open_metric,
    .run = run_metric,
    .close = kp_used_metric_close,
    .options = metric_options,
    .vary = vary_metric,
};
