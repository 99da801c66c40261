/* observers.c - metric plugins and their sums.
 *
 * Rows of many classes cost a metric as much as the model that made them, so they are cut into
 * parts of equal size that threads share. Each part has sums of its own; they are added in the
 * order of the parts, and the size does not depend on the threads, so neither do the bits. */
#include "train/observers.h"

#include "base/running.h"

#include <stdio.h>
#include <string.h>

/* Logits of a part, and parts at work at a time. */
#define PART_CELLS (INT64_C(1) << 17)
#define PARTS      32

static enum kp_status add(struct kp_observers *o, const struct kp_metric_use *m, struct kp_error *e)
{
    struct kp_observer *x = &o->v[o->count];

    x->def = m->def;
    x->self = m->self;
    x->sums = kp_arena_new(&o->memory, double, m->def->sum_count + 1);
    x->part_sums = kp_arena_new(&o->memory, double, PARTS *(size_t)m->def->sum_count + 1);
    x->values = kp_arena_new(&o->memory, double, m->def->value_count + 1);
    if (!x->sums || !x->part_sums || !x->values)
        return kp_fail(e, KP_E_NOMEM, "no memory for metric '%s'", m->def->name);
    o->count++;
    return KP_OK;
}

enum kp_status kp_observers_create(const struct kp_metric_use *metrics, int64_t count, bool teacher,
                                   struct kp_observers *out, struct kp_error *e)
{
    struct kp_observers o = {0};
    enum kp_status st = KP_OK;

    o.v = kp_arena_new(&o.memory, struct kp_observer, count + 1);
    if (!o.v)
        st = kp_fail(e, KP_E_NOMEM, "no memory for the metrics");
    for (int64_t i = 0; st == KP_OK && i < count; i++)
        if (metrics[i].def->observe &&
            (teacher || !(metrics[i].def->needs & KP_METRIC_NEEDS_TEACHER)))
            st = add(&o, &metrics[i], e);
    if (st != KP_OK) {
        kp_observers_finish(&o);
        return st;
    }
    *out = o;
    return KP_OK;
}

void kp_observers_finish(struct kp_observers *o)
{
    kp_arena_finish(&o->memory);
    *o = (struct kp_observers){0};
}

void kp_observers_reset(struct kp_observers *o)
{
    for (int64_t i = 0; i < o->count; i++)
        memset(o->v[i].sums, 0, o->v[i].def->sum_count * sizeof(double));
}

static void observe(const struct kp_observer *x, const struct kp_rows *rows, double *sums)
{
    KP_IN_PLUGIN("metric", x->def->name, "observe", x->def->observe(x->self, rows, sums));
}

struct parts {
    const struct kp_observers *observers;
    const struct kp_rows *rows;
    int64_t first, each; /* rows */
};

static void observe_part(void *arg, int64_t task)
{
    const struct parts *p = arg;
    const int64_t first = p->first + task * p->each, rest = p->rows->count - first;
    struct kp_rows part = *p->rows;

    part.count = rest < p->each ? rest : p->each;
    part.logits += first * part.classes;
    part.labels += first;
    if (part.teacher_logits)
        part.teacher_logits += first * part.classes;
    for (int64_t i = 0; i < p->observers->count; i++) {
        const struct kp_observer *x = &p->observers->v[i];
        double *sums = x->part_sums + task * (int64_t)x->def->sum_count;

        memset(sums, 0, x->def->sum_count * sizeof(*sums));
        observe(x, &part, sums);
    }
}

static void add_parts(struct kp_observers *o, int64_t parts)
{
    for (int64_t i = 0; i < o->count; i++)
        for (int64_t part = 0; part < parts; part++)
            for (int64_t k = 0; k < o->v[i].def->sum_count; k++)
                o->v[i].sums[k] += o->v[i].part_sums[part * o->v[i].def->sum_count + k];
}

void kp_observers_observe(struct kp_observers *o, const struct kp_rows *rows, struct kp_device *d)
{
    const int64_t each = rows->classes < PART_CELLS ? PART_CELLS / rows->classes : 1;
    struct parts p = {.observers = o, .rows = rows, .each = each};

    for (; p.first < rows->count; p.first += PARTS * each) {
        const int64_t left = (rows->count - p.first + each - 1) / each;
        const int64_t parts = left < PARTS ? left : PARTS;

        d->ops->share(d, parts, observe_part, &p);
        add_parts(o, parts);
    }
}

int64_t kp_observers_value_count(const struct kp_observers *o)
{
    int64_t count = 0;

    for (int64_t i = 0; i < o->count; i++)
        count += o->v[i].def->value_count;
    return count;
}

/* A metric's value number k; the element size is the plugin's own. */
static const struct kp_metric_value *value_at(const struct kp_metric_def *def, uint32_t k)
{
    return (const struct kp_metric_value *)(const void *)((const char *)def->values +
                                                          (size_t)k * def->value_size);
}

void kp_observers_results(struct kp_observers *o, const char *split, struct kp_observed *out)
{
    for (int64_t i = 0; i < o->count; i++) {
        const struct kp_metric_def *def = o->v[i].def;

        KP_IN_PLUGIN("metric", def->name, "result",
                     def->result(o->v[i].self, o->v[i].sums, o->v[i].values));
        for (uint32_t k = 0; k < def->value_count; k++, out++) {
            const struct kp_metric_value *v = value_at(def, k);

            (void)snprintf(out->key, sizeof(out->key), "%s/%s", split, v->name);
            out->unit = v->unit;
            out->higher_is_better = v->higher_is_better;
            out->with_teacher = (def->needs & KP_METRIC_NEEDS_TEACHER) != 0;
            out->value = o->v[i].values[k];
        }
    }
}
