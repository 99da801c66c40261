/* grid.c - the cells of a sweep as a table over its axes. */
#include "app/grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AXES = 64, COLUMNS = 24, MARKS = 24, NAME = 64 };

char kp_grid_mark(enum kp_planned_state s)
{
    static const char marks[] = {
        [KP_PLANNED_MISSING] = '.', [KP_PLANNED_STARTED] = '~', [KP_PLANNED_RUNNING] = '>',
        [KP_PLANNED_DONE] = '#',    [KP_PLANNED_FAILED] = '!',
    };
    return marks[s];
}

/* A setting that differs among the cells. */
struct axis {
    const char *key;
    const char **values; /* in order of appearance; NULL: a cell without this setting */
    int64_t count;
};

/* The cells: trainings of the plan. */
struct cells {
    const struct kp_planned **v;
    int64_t count;
};

/* One line: a cell that stands for it, and marks by column. */
struct line {
    const struct kp_planned *first;
    char marks[COLUMNS][MARKS + 1];
};

struct grid {
    struct cells cells;
    struct axis axes[AXES];
    int axis_count;
    int column; /* the axis across; -1: one column */
    int mark;   /* the axis of the marks; -1: one mark */
    struct line *lines;
    int64_t line_count;
};

static const char *value_of(const struct kp_planned *r, const char *key)
{
    const struct kp_setting *s = kp_config_find(r->config, key);
    return s ? s->text : NULL;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int64_t find_value(const struct axis *a, const char *value)
{
    for (int64_t i = 0; i < a->count; i++)
        if (same(a->values[i], value))
            return i;
    return -1;
}

static enum kp_status collect_cells(const struct kp_plan *p, struct cells *out, struct kp_error *e)
{
    out->v = (const struct kp_planned **)calloc((size_t)p->count + 1, sizeof(*out->v));
    if (!out->v)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < p->count; i++)
        if (p->runs[i].cell && !p->runs[i].analysis)
            out->v[out->count++] = &p->runs[i];
    return KP_OK;
}

static enum kp_status read_values(const struct cells *c, const char *key, struct axis *out,
                                  struct kp_error *e)
{
    *out = (struct axis){.key = key};
    out->values = (const char **)calloc((size_t)c->count, sizeof(*out->values));
    if (!out->values)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < c->count; i++) {
        const char *value = value_of(c->v[i], key);
        if (find_value(out, value) < 0)
            out->values[out->count++] = value;
    }
    return KP_OK;
}

static bool has_axis(const struct grid *g, const char *key)
{
    for (int i = 0; i < g->axis_count; i++)
        if (strcmp(g->axes[i].key, key) == 0)
            return true;
    return false;
}

/* Settings that tell cells apart: those that are hashed, and those that stand for a hashed one. */
static bool tells_apart(const struct kp_setting *s)
{
    return s->hashed || strcmp(s->key, "data.kappa") == 0 || strncmp(s->key, "teacher.", 8) == 0 ||
           strncmp(s->key, "init.", 5) == 0;
}

/* Forget the settings that are the same wherever they are there at all, such as the only value of a
 * plugin's option. */
static void drop_constant(struct grid *g)
{
    int kept = 0;

    for (int i = 0; i < g->axis_count; i++) {
        const struct axis *a = &g->axes[i];
        if (a->count - (find_value(a, NULL) >= 0) >= 2)
            g->axes[kept++] = *a;
        else
            free((void *)a->values);
    }
    g->axis_count = kept;
}

/* The settings that differ. */
static enum kp_status find_axes(struct grid *g, bool *too_many, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; i < g->cells.count; i++) {
        const struct kp_config *c = g->cells.v[i]->config;
        for (int64_t k = 0; st == KP_OK && k < c->count; k++) {
            const struct kp_setting *s = &c->settings[k];
            bool differs = i > 0 && !same(s->text, value_of(g->cells.v[0], s->key));

            if (!differs || !tells_apart(s) || has_axis(g, s->key))
                continue;
            *too_many = g->axis_count == AXES;
            if (*too_many)
                return KP_OK;
            st = read_values(&g->cells, s->key, &g->axes[g->axis_count++], e);
        }
    }
    drop_constant(g);
    return st;
}

static void choose_axes(struct grid *g)
{
    g->column = g->mark = -1;
    for (int i = 0; i < g->axis_count; i++)
        if (strcmp(g->axes[i].key, "seed.master") == 0)
            g->mark = i;
    for (int i = 0; i < g->axis_count; i++)
        if (strcmp(g->axes[i].key, "data.kappa") == 0)
            g->column = i;
    for (int i = 0; g->column < 0 && i < g->axis_count; i++)
        if (i != g->mark)
            g->column = i;
    for (int i = 0; i < g->axis_count; i++)
        if (i != g->mark && strcmp(g->axes[g->column].key, "data.kappa") != 0 &&
            g->axes[i].count > g->axes[g->column].count)
            g->column = i;
}

static struct line *find_line(struct grid *g, const struct kp_planned *r)
{
    for (int64_t i = 0; i < g->line_count; i++) {
        bool equal = true;
        for (int k = 0; equal && k < g->axis_count; k++)
            if (k != g->column && k != g->mark)
                equal =
                    same(value_of(r, g->axes[k].key), value_of(g->lines[i].first, g->axes[k].key));
        if (equal)
            return &g->lines[i];
    }
    struct line *new = &g->lines[g->line_count++];
    new->first = r;
    return new;
}

static int64_t place(const struct grid *g, int axis, const struct kp_planned *r)
{
    return axis < 0 ? 0 : find_value(&g->axes[axis], value_of(r, g->axes[axis].key));
}

/* *distinct = false: two cells have one place, so that the settings do not tell them apart. */
static enum kp_status fill(struct grid *g, bool *distinct, struct kp_error *e)
{
    g->lines = calloc((size_t)g->cells.count, sizeof(*g->lines));
    if (!g->lines)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < g->cells.count; i++) {
        const struct kp_planned *r = g->cells.v[i];
        char *marks = find_line(g, r)->marks[place(g, g->column, r)];
        int64_t at = place(g, g->mark, r);

        for (int64_t k = (int64_t)strlen(marks); k < at; k++)
            marks[k] = ' '; /* a combination that the sweep leaves out */
        *distinct = *distinct && (!marks[at] || marks[at] == ' ');
        marks[at] = kp_grid_mark(r->state);
    }
    return KP_OK;
}

/* "objective.plugin" is the objective, "objective.kd.tau" the tau. */
static const char *short_name(const char *key, char out[NAME])
{
    const char *dot = strrchr(key, '.');

    if (dot && strcmp(dot, ".plugin") == 0)
        (void)snprintf(out, NAME, "%.*s", (int)(dot - key), key);
    else
        (void)snprintf(out, NAME, "%s", dot ? dot + 1 : key);
    return out;
}

static int width_of(const struct axis *a)
{
    char name[NAME];
    size_t width = strlen(short_name(a->key, name));

    for (int64_t i = 0; i < a->count; i++) {
        size_t n = a->values[i] ? strlen(a->values[i]) : 1;
        width = n > width ? n : width;
    }
    return (int)width;
}

static void print_head(const struct grid *g, const int *width)
{
    char name[NAME];

    for (int k = 0; k < g->axis_count; k++)
        if (k != g->column && k != g->mark)
            (void)printf("%-*s  ", width[k], short_name(g->axes[k].key, name));
    if (g->column >= 0) {
        const struct axis *a = &g->axes[g->column];
        (void)printf("%s", short_name(a->key, name));
        for (int64_t i = 0; i < a->count; i++)
            (void)printf("  %-*s", i < a->count - 1 ? width[g->column] : 0,
                         a->values[i] ? a->values[i] : "-");
    }
    (void)putchar('\n');
}

static void print(const struct grid *g)
{
    int width[AXES] = {0}, marks = g->mark < 0 ? 1 : (int)g->axes[g->mark].count, indent = 0;
    int64_t columns = g->column < 0 ? 1 : g->axes[g->column].count;
    char name[NAME];

    for (int k = 0; k < g->axis_count; k++)
        width[k] = width_of(&g->axes[k]);
    if (g->column >= 0) {
        width[g->column] = marks > width[g->column] ? marks : width[g->column];
        indent = (int)strlen(short_name(g->axes[g->column].key, name));
    }
    print_head(g, width);
    for (int64_t i = 0; i < g->line_count; i++) {
        const struct line *l = &g->lines[i];
        for (int k = 0; k < g->axis_count; k++) {
            const char *value = value_of(l->first, g->axes[k].key);
            if (k != g->column && k != g->mark)
                (void)printf("%-*s  ", width[k], value ? value : "-");
        }
        (void)printf("%*s", indent, "");
        for (int64_t c = 0; c < columns; c++)
            (void)printf("  %-*s", c < columns - 1 ? width[g->column] : 0, l->marks[c]);
        (void)putchar('\n');
    }
    if (g->mark >= 0) {
        (void)printf("a mark for each seed:");
        for (int64_t i = 0; i < g->axes[g->mark].count; i++)
            (void)printf(" %s", g->axes[g->mark].values[i]);
        (void)putchar('\n');
    }
    (void)printf("# done   > running   ~ begun   ! failed   . missing\n");
}

enum kp_status kp_grid_print(const struct kp_plan *p, bool *shown, struct kp_error *e)
{
    struct grid g = {0};
    bool too_many = false;
    enum kp_status st = collect_cells(p, &g.cells, e);

    *shown = false;
    if (st == KP_OK)
        st = find_axes(&g, &too_many, e);
    if (st == KP_OK && !too_many && g.axis_count > 0) {
        choose_axes(&g);
        *shown = (g.column < 0 || g.axes[g.column].count <= COLUMNS) &&
                 (g.mark < 0 || g.axes[g.mark].count <= MARKS);
    }
    if (st == KP_OK && *shown)
        st = fill(&g, shown, e);
    if (st == KP_OK && *shown)
        print(&g);
    for (int i = 0; i < g.axis_count; i++)
        free((void *)g.axes[i].values);
    free((void *)g.cells.v);
    free(g.lines);
    return st;
}
