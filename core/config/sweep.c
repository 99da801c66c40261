/* sweep.c - the axes of [sweep] and which of them go in step. */
#include "config/sweep.h"

#include "config/cell.h"
#include "host/options.h"

#include <stdlib.h>
#include <string.h>

const struct kp_axis *kp_sweep_axis(const struct kp_sweep *w, const char *key)
{
    for (int i = 0; i < w->axis_count; i++)
        if (strcmp(w->axes[i].key, key) == 0)
            return &w->axes[i];
    return NULL;
}

const char *kp_sweep_value(const struct kp_sweep *w, int64_t cell, const struct kp_axis *axis)
{
    return axis->values[w->index[cell * w->group_count + axis->group]];
}

const char *kp_sweep_part(const char **at, char separator, struct kp_arena *memory)
{
    const char *s = *at + strspn(*at, " \t");
    const char *end = strchr(s, separator);
    size_t n = end ? (size_t)(end - s) : strlen(s);
    char *out;

    *at = end ? end + 1 : NULL;
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    out = kp_arena_new(memory, char, n + 1);
    if (out) {
        memcpy(out, s, n);
        out[n] = '\0';
    }
    return out;
}

const char *kp_sweep_canonical(struct kp_sweep *w, const struct kp_option *o, const char *text)
{
    struct kp_error why = {0};
    const char *canonical = NULL;

    if (kp_option_check(o, text, &w->memory, &canonical, &why) == KP_OK)
        return canonical;
    return why.status == KP_E_NOMEM ? NULL : kp_arena_strdup(&w->memory, text);
}

static int64_t parts(const char *s, char separator)
{
    int64_t n = 1;
    for (; *s; s++)
        n += *s == separator;
    return n;
}

/* Check an axis value that stands as it is; one with ${...} is checked in its cell. */
static void check_value(struct kp_axis *a, const char *text, struct kp_problems *p)
{
    struct kp_arena scratch = {0};
    struct kp_error why = {0};
    const char *canonical;

    if (!*text)
        kp_problem_add(p, a->place, a->key, "an empty value between commas; value, value, ...");
    else if (!strstr(text, "${") &&
             kp_option_check(a->known.option, text, &scratch, &canonical, &why) != KP_OK)
        kp_problem_add(p, a->place, a->key, "%s", why.text);
    kp_arena_finish(&scratch);
}

static void read_values(struct kp_sweep *w, struct kp_axis *a, const char *text,
                        struct kp_problems *p)
{
    int64_t n = parts(text, ',');

    if (n > KP_SWEEP_CELLS_MAX) {
        kp_problem_add(p, a->place, a->key, "%lld values; at most %d", (long long)n,
                       KP_SWEEP_CELLS_MAX);
        return;
    }
    a->values = kp_arena_new(&w->memory, const char *, n);
    a->canonical = kp_arena_new(&w->memory, const char *, n);
    if (!a->values || !a->canonical) {
        p->failed = true;
        return;
    }
    for (a->count = 0; a->count < n; a->count++) {
        const char *v = kp_sweep_part(&text, ',', &w->memory);
        const char *c = v ? kp_sweep_canonical(w, a->known.option, v) : NULL;
        if (!c) {
            p->failed = true;
            return;
        }
        check_value(a, v, p);
        a->values[a->count] = v;
        a->canonical[a->count] = c;
    }
}

/* A later axis of the same key takes the place of the earlier one. */
static void read_axis(struct kp_sweep *w, const struct kp_entry *e, const struct kp_registry *r,
                      struct kp_problems *p)
{
    const char *key = e->key + strlen("sweep.");
    struct kp_axis new = {.key = key, .place = e->place};
    int at = 0;

    if (!kp_schema_find(r, key, &new.known)) {
        struct kp_text text = {0};
        kp_schema_explain(r, key, &text);
        kp_problem_add(p, e->place, e->key, "%s", text.s ? text.s : "unknown key");
        kp_text_finish(&text);
        return;
    }
    while (at < w->axis_count && strcmp(w->axes[at].key, key) != 0)
        at++;
    if (at == KP_SWEEP_AXES_MAX) {
        kp_problem_add(p, e->place, e->key, "more than %d axes", (int)KP_SWEEP_AXES_MAX);
        return;
    }
    read_values(w, &new, e->value, p);
    if (new.count == 0)
        return;
    w->axes[at] = new;
    if (at == w->axis_count)
        w->axis_count++;
}

static void remove_axis(struct kp_sweep *w, const char *key)
{
    for (int i = 0; i < w->axis_count; i++) {
        if (strcmp(w->axes[i].key, key) == 0) {
            memmove(&w->axes[i], &w->axes[i + 1],
                    (size_t)(w->axis_count - i - 1) * sizeof(w->axes[0]));
            w->axis_count--;
            return;
        }
    }
}

static bool is_special(const char *key)
{
    return strcmp(key, "sweep.zip") == 0 || strcmp(key, "sweep.skip") == 0;
}

static void read_axes(struct kp_sweep *w, const struct kp_source *s, const struct kp_registry *r,
                      struct kp_problems *p)
{
    for (int64_t i = 0; i < s->count; i++) {
        const struct kp_entry *e = &s->v[i];
        if (strncmp(e->key, "sweep.", 6) == 0 && !is_special(e->key))
            read_axis(w, e, r, p);
        else if (e->place.order == KP_PLACE_COMMAND_LINE)
            remove_axis(w, e->key);
    }
    for (int i = 0; i < w->axis_count; i++)
        w->axes[i].group = i;
}

/* Put the axes named in `value` into the group of the first of them. */
static void zip(struct kp_sweep *w, const char *value, struct kp_place place, bool zipped[],
                const struct kp_source *s, struct kp_problems *p)
{
    struct kp_axis *first = NULL;
    int64_t named = 0;

    while (value) {
        const char *key = kp_sweep_part(&value, ',', &w->memory);
        int at = 0;

        if (!key) {
            p->failed = true;
            return;
        }
        named++;
        while (at < w->axis_count && strcmp(w->axes[at].key, key) != 0)
            at++;
        if (at == w->axis_count) {
            bool pinned = false;
            for (int64_t i = 0; i < s->count; i++)
                pinned |=
                    strncmp(s->v[i].key, "sweep.", 6) == 0 && strcmp(s->v[i].key + 6, key) == 0;
            if (!pinned) /* an axis that --set took away does not disturb the others */
                kp_problem_add(p, place, "sweep.zip", "'%s' is no axis of [sweep]; a key that is",
                               key);
            continue;
        }
        if (zipped[at]) {
            kp_problem_add(p, place, "sweep.zip", "'%s' is zipped twice; once", key);
            continue;
        }
        zipped[at] = true;
        if (!first) {
            first = &w->axes[at];
            continue;
        }
        if (w->axes[at].count != first->count)
            kp_problem_add(p, place, "sweep.zip",
                           "%s has %lld values and %s has %lld; equally many of both", first->key,
                           (long long)first->count, key, (long long)w->axes[at].count);
        w->axes[at].group = first->group;
    }
    if (named < 2)
        kp_problem_add(p, place, "sweep.zip", "one name; at least two axes, with commas between");
}

/* Number the groups by the first axis of each. */
static void number_groups(struct kp_sweep *w)
{
    int number[KP_SWEEP_AXES_MAX];

    for (int i = 0; i < KP_SWEEP_AXES_MAX; i++)
        number[i] = -1;
    w->group_count = 0;
    for (int i = 0; i < w->axis_count; i++) {
        int *n = &number[w->axes[i].group];
        if (*n < 0)
            *n = w->group_count++;
        w->axes[i].group = *n;
    }
}

static void read_zips(struct kp_sweep *w, const struct kp_source *s, struct kp_problems *p)
{
    bool zipped[KP_SWEEP_AXES_MAX] = {false};

    for (int64_t i = 0; i < s->count; i++)
        if (strcmp(s->v[i].key, "sweep.zip") == 0)
            zip(w, s->v[i].value, s->v[i].place, zipped, s, p);
    number_groups(w);
}

/* The choice of a plugin decides which axes multiply, so it has to stand as it is. */
static void check_choice(const char *text, struct kp_place place, const char *key,
                         struct kp_problems *p)
{
    if (strstr(text, "${"))
        kp_problem_add(p, place, key, "the choice of a plugin cannot hold ${...}; its name");
}

static bool is_open(const struct kp_registry *r, enum kp_owner kind, const char *name)
{
    return kind == KP_OWNER_MODEL ? kp_registry_model(r, name, NULL) != NULL
                                  : kp_registry_objective(r, name, NULL) != NULL;
}

static void read_choice(struct kp_sweep *w, enum kp_owner kind, const char *key,
                        const struct kp_values *values, const struct kp_registry *r,
                        struct kp_problems *p)
{
    const struct kp_entry *e = kp_values_find(values, key);
    const struct kp_axis *a = kp_sweep_axis(w, key);

    if (e && !a)
        check_choice(e->value, e->place, key, p);
    w->base_plugin[kind] = e ? e->value : NULL;
    for (int64_t i = 0; a && i < a->count; i++) {
        check_choice(a->values[i], a->place, key, p);
        if (!strstr(a->values[i], "${") && !is_open(r, kind, a->canonical[i])) {
            struct kp_text why = {0};
            kp_schema_explain_plugin(r, kind, a->canonical[i], &why);
            kp_problem_add(p, a->place, key, "%s", why.s ? why.s : "no such plugin");
            kp_text_finish(&why);
        }
    }
}

void kp_sweep_build(struct kp_sweep *w, const struct kp_source *s, const struct kp_values *values,
                    const struct kp_registry *r, struct kp_problems *p)
{
    struct kp_place place = {0};

    read_axes(w, s, r, p);
    read_zips(w, s, p);
    read_choice(w, KP_OWNER_MODEL, "model.plugin", values, r, p);
    read_choice(w, KP_OWNER_OBJECTIVE, "objective.plugin", values, r, p);
    kp_sweep_read_skips(w, s, values, r, p);
    for (int64_t i = 0; i < s->count; i++)
        if (strncmp(s->v[i].key, "sweep.", 6) == 0)
            place = s->v[i].place;
    kp_sweep_enumerate(w, place, p);
}

void kp_sweep_finish(struct kp_sweep *w)
{
    free(w->index);
    kp_arena_finish(&w->memory);
    *w = (struct kp_sweep){0};
}
