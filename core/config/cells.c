/* cells.c - the cells of a sweep: the product of its groups of axes, less what `skip` drops. */
#include "config/cell.h"
#include "config/sweep.h"
#include "host/options.h"

#include <stdlib.h>
#include <string.h>

enum { CONDITIONS_MAX = 64 };

static void read_condition(struct kp_sweep *w, const char *text, struct kp_place place,
                           const struct kp_values *values, const struct kp_registry *r,
                           struct kp_skip *skip, struct kp_problems *p)
{
    struct kp_condition c = {0};
    const struct kp_entry *e;
    const char *value;

    if (!strchr(text, '=')) {
        kp_problem_add(p, place, "sweep.skip",
                       "'%.100s' is no condition; key = value & key = value", text);
        return;
    }
    value = text;
    c.key = kp_sweep_part(&value, '=', &w->memory);
    if (!c.key) {
        p->failed = true;
        return;
    }
    if (!kp_schema_find(r, c.key, &c.known)) {
        struct kp_text why = {0};
        kp_schema_explain(r, c.key, &why);
        kp_problem_add(p, place, "sweep.skip", "%s: %s", c.key, why.s ? why.s : "unknown key");
        kp_text_finish(&why);
        return;
    }
    c.text = kp_sweep_canonical(w, c.known.option, value);
    e = kp_values_find(values, c.key);
    c.constant = e ? e->value : c.known.option->fallback;
    if (!kp_sweep_axis(w, c.key) && c.constant && strstr(c.constant, "${")) {
        kp_problem_add(p, place, "sweep.skip", "%s holds ${...}; a key whose value stands as it is",
                       c.key);
        return;
    }
    if (c.constant)
        c.constant = kp_sweep_canonical(w, c.known.option, c.constant);
    if (!c.text || (e && !c.constant)) {
        p->failed = true;
        return;
    }
    skip->v[skip->count++] = c;
}

static void read_skip(struct kp_sweep *w, const struct kp_entry *e, const struct kp_values *values,
                      const struct kp_registry *r, struct kp_problems *p)
{
    struct kp_skip *skip = &w->skips[w->skip_count];
    const char *at = e->value;
    int64_t n = 1;

    for (const char *c = at; *c; c++)
        n += *c == '&';
    if (n > CONDITIONS_MAX) {
        kp_problem_add(p, e->place, e->key, "%lld conditions; at most %d", (long long)n,
                       (int)CONDITIONS_MAX);
        return;
    }
    skip->v = kp_arena_new(&w->memory, struct kp_condition, n);
    if (!skip->v) {
        p->failed = true;
        return;
    }
    while (at) {
        const char *text = kp_sweep_part(&at, '&', &w->memory);
        if (!text) {
            p->failed = true;
            return;
        }
        read_condition(w, text, e->place, values, r, skip, p);
    }
    w->skip_count += skip->count > 0;
}

void kp_sweep_read_skips(struct kp_sweep *w, const struct kp_source *s,
                         const struct kp_values *values, const struct kp_registry *r,
                         struct kp_problems *p)
{
    int64_t n = 0;

    for (int64_t i = 0; i < s->count; i++)
        n += strcmp(s->v[i].key, "sweep.skip") == 0;
    if (n == 0)
        return;
    w->skips = kp_arena_new(&w->memory, struct kp_skip, n);
    if (!w->skips) {
        p->failed = true;
        return;
    }
    for (int64_t i = 0; i < s->count; i++)
        if (strcmp(s->v[i].key, "sweep.skip") == 0)
            read_skip(w, &s->v[i], values, r, p);
}

/* The key that chooses plugins of a kind; NULL: all are in use. */
static const char *choice_key(enum kp_owner kind)
{
    return kind == KP_OWNER_MODEL       ? "model.plugin"
           : kind == KP_OWNER_OBJECTIVE ? "objective.plugin"
                                        : NULL;
}

bool kp_sweep_inactive(const struct kp_sweep *w, const struct kp_known *known, const int32_t *index)
{
    const char *key = choice_key(known->table.owner);
    const struct kp_axis *axis = key ? kp_sweep_axis(w, key) : NULL;
    const char *chosen = axis  ? axis->canonical[index[axis->group]]
                         : key ? w->base_plugin[known->table.owner]
                               : NULL;

    return key && (!chosen || strcmp(chosen, known->table.plugin) != 0);
}

struct walk {
    struct kp_sweep *w;
    int order[KP_SWEEP_AXES_MAX]; /* of the groups, slowest first */
    int32_t index[KP_SWEEP_AXES_MAX];
    int64_t visited, room;
    bool stop, failed;
};

/* Does some axis of the group choose plugins? */
static bool chooses(const struct kp_sweep *w, int group)
{
    for (int i = 0; i < w->axis_count; i++)
        if (w->axes[i].group == group && w->axes[i].known.table.owner == KP_OWNER_CHOICE &&
            strcmp(w->axes[i].known.option->name, "plugin") == 0)
            return true;
    return false;
}

/* Put the group behind those that choose the plugins of its axes. A group that chooses waits for no
 * other. */
static void place_group(struct walk *k, int group, bool placed[], int *n)
{
    const struct kp_sweep *w = k->w;

    for (int i = 0; i < w->axis_count && !chooses(w, group); i++) {
        const char *key = choice_key(w->axes[i].known.table.owner);
        const struct kp_axis *choice = key ? kp_sweep_axis(w, key) : NULL;
        if (w->axes[i].group == group && choice && !placed[choice->group]) {
            placed[choice->group] = true;
            k->order[(*n)++] = choice->group;
        }
    }
    placed[group] = true;
    k->order[(*n)++] = group;
}

/* A group whose axes all belong to plugins that are not chosen has one value. */
static int32_t group_size(const struct walk *k, int group)
{
    const struct kp_sweep *w = k->w;

    for (int i = 0; i < w->axis_count; i++) {
        const struct kp_axis *a = &w->axes[i];
        if (a->group == group && (chooses(w, group) || !kp_sweep_inactive(w, &a->known, k->index)))
            return (int32_t)a->count;
    }
    return 1;
}

static bool holds(const struct kp_sweep *w, const struct kp_condition *c, const int32_t *index)
{
    const struct kp_axis *axis = kp_sweep_axis(w, c->key);
    const char *value = axis ? axis->canonical[index[axis->group]] : c->constant;

    return value && !kp_sweep_inactive(w, &c->known, index) && strcmp(value, c->text) == 0;
}

static bool is_dropped(const struct kp_sweep *w, const int32_t *index)
{
    for (int64_t i = 0; i < w->skip_count; i++) {
        const struct kp_skip *s = &w->skips[i];
        int64_t holding = 0;
        while (holding < s->count && holds(w, &s->v[holding], index))
            holding++;
        if (holding == s->count)
            return true;
    }
    return false;
}

static void keep_cell(struct walk *k)
{
    struct kp_sweep *w = k->w;

    if (++k->visited > KP_SWEEP_CELLS_MAX) {
        k->stop = true;
        return;
    }
    if (is_dropped(w, k->index))
        return;
    if (w->cells == k->room) {
        int64_t room = k->room ? 2 * k->room : 64;
        size_t width = (size_t)(w->group_count > 0 ? w->group_count : 1);
        int32_t *index = realloc(w->index, (size_t)room * width * sizeof(*index));
        if (!index) {
            k->failed = k->stop = true;
            return;
        }
        w->index = index;
        k->room = room;
    }
    memcpy(w->index + w->cells * w->group_count, k->index,
           (size_t)w->group_count * sizeof(*w->index));
    w->cells++;
}

/* Count through the groups, the last of the order fastest; the size of a group depends on those
 * before it. */
static void walk_groups(struct walk *k)
{
    int32_t size[KP_SWEEP_AXES_MAX];
    int last = k->w->group_count - 1;
    int depth = 0; /* groups placed before it have their value */

    for (;;) {
        for (; depth <= last; depth++) {
            k->index[k->order[depth]] = 0;
            size[depth] = group_size(k, k->order[depth]);
        }
        keep_cell(k);
        for (depth = last; depth >= 0; depth--) {
            if (++k->index[k->order[depth]] < size[depth])
                break;
            k->index[k->order[depth]] = 0;
        }
        if (depth < 0 || k->stop)
            return;
        depth++;
    }
}

void kp_sweep_enumerate(struct kp_sweep *w, struct kp_place place, struct kp_problems *p)
{
    struct walk k = {.w = w};
    bool placed[KP_SWEEP_AXES_MAX] = {false};
    int n = 0;

    /* Axes that cannot go in step have been reported; no cell stands for them. */
    for (int i = 0; i < w->axis_count; i++)
        for (int j = 0; j < i; j++)
            if (w->axes[i].group == w->axes[j].group && w->axes[i].count != w->axes[j].count)
                return;
    for (int g = 0; g < w->group_count; g++)
        if (!placed[g])
            place_group(&k, g, placed, &n);
    walk_groups(&k);
    if (k.failed)
        p->failed = true;
    else if (k.stop)
        kp_problem_add(p, place, "sweep", "more than %d cells before skip; fewer values or zip",
                       KP_SWEEP_CELLS_MAX);
    else if (w->cells == 0)
        kp_problem_add(p, place, "sweep", "skip drops every cell; fewer conditions");
}
