/* cell.c - what is written for each key in one cell of the sweep, before it is checked. */
#include "config/cell.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const struct kp_entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);

    return order != 0 ? order : x->number < y->number ? -1 : x->number > y->number;
}

void kp_values_pick(struct kp_values *values, const struct kp_source *s, struct kp_problems *p)
{
    int64_t n = 0, kept = 0;

    if (s->count == 0)
        return;
    values->v = calloc((size_t)s->count, sizeof(*values->v));
    if (!values->v) {
        p->failed = true;
        return;
    }
    for (int64_t i = 0; i < s->count; i++)
        if (strncmp(s->v[i].key, "sweep.", 6) != 0)
            values->v[n++] = s->v[i];
    if (n > 0)
        qsort(values->v, (size_t)n, sizeof(*values->v), compare);
    for (int64_t i = 0; i < n; i++)
        if (i + 1 == n || strcmp(values->v[i].key, values->v[i + 1].key) != 0)
            values->v[kept++] = values->v[i];
    values->count = kept;
}

const struct kp_entry *kp_values_find(const struct kp_values *values, const char *key)
{
    int64_t lo = 0, hi = values->count;

    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        int order = strcmp(values->v[mid].key, key);
        if (order == 0)
            return &values->v[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

void kp_values_finish(struct kp_values *values)
{
    free(values->v);
    *values = (struct kp_values){0};
}

bool kp_cell_raw(const struct kp_cell *c, const char *key, const struct kp_option *o,
                 struct kp_raw *out)
{
    const struct kp_axis *axis = kp_sweep_axis(c->sweep, key);
    const struct kp_entry *entry = axis ? NULL : kp_values_find(c->values, key);

    if (axis)
        *out = (struct kp_raw){kp_sweep_value(c->sweep, c->number, axis), axis->place, true, false};
    else if (entry)
        *out = (struct kp_raw){entry->value, entry->place, false, false};
    else
        *out = (struct kp_raw){o->fallback, {c->path, 0, 0}, false, true};
    return out->text != NULL;
}
