/* figure.c - the rows of a figure as curves in panels, and as a data file for gnuplot. */
#include "report/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *cell_text(const struct kp_rowset *rows, int64_t row, int column)
{
    return column < 0 ? "" : kp_rowset_field(rows, row, column)->text;
}

static int64_t find_block(const struct kp_blocks *b, const char *panel, const char *series)
{
    for (int64_t i = 0; i < b->count; i++)
        if (strcmp(b->v[i].panel, panel) == 0 && strcmp(b->v[i].series, series) == 0)
            return i;
    return -1;
}

static int64_t panel_number(struct kp_blocks *b, const char *panel)
{
    for (int64_t i = 0; i < b->count; i++)
        if (strcmp(b->v[i].panel, panel) == 0)
            return b->v[i].panel_number;
    return b->panels++;
}

/* Put the blocks of a panel beside each other, and the rows' numbers after them. */
static bool sort_blocks(struct kp_blocks *b, int64_t rows)
{
    struct kp_block *sorted = calloc((size_t)b->count + 1, sizeof *sorted);
    int64_t *place = calloc((size_t)b->count + 1, sizeof *place);
    int64_t n = 0;

    if (sorted && place) {
        for (int64_t panel = 0; panel < b->panels; panel++)
            for (int64_t i = 0; i < b->count; i++)
                if (b->v[i].panel_number == panel) {
                    place[i] = n;
                    sorted[n++] = b->v[i];
                }
        for (int64_t i = 0; i < rows; i++)
            b->of_row[i] = place[b->of_row[i]];
        memcpy(b->v, sorted, (size_t)b->count * sizeof *sorted);
    }
    free(sorted);
    free(place);
    return sorted && place;
}

enum kp_status kp_blocks_make(const struct kp_rowset *rows, struct kp_blocks *out,
                              struct kp_error *e)
{
    struct kp_blocks b = {0};
    int panel = kp_rowset_column(rows, "panel"), series = kp_rowset_column(rows, "series");
    enum kp_status st = KP_OK;

    b.of_row = calloc((size_t)rows->count + 1, sizeof *b.of_row);
    b.v = calloc(KP_BLOCKS_LIMIT, sizeof *b.v);
    if (!b.of_row || !b.v)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < rows->count && st == KP_OK; i++) {
        const char *p = cell_text(rows, i, panel), *s = cell_text(rows, i, series);
        int64_t at = find_block(&b, p, s);
        if (at < 0 && b.count == KP_BLOCKS_LIMIT) {
            st = kp_fail(e, KP_E_INVALID, "more than %d curves (pairs of panel and series)",
                         KP_BLOCKS_LIMIT);
        } else if (at < 0) {
            int64_t number = panel_number(&b, p);
            at = b.count++;
            b.v[at] = (struct kp_block){p, s, number};
        }
        b.of_row[i] = at;
    }
    if (st == KP_OK && !sort_blocks(&b, rows->count))
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        *out = b;
    else
        kp_blocks_finish(&b);
    return st;
}

void kp_blocks_finish(struct kp_blocks *b)
{
    free(b->of_row);
    free(b->v);
    *b = (struct kp_blocks){0};
}

/* A data file of gnuplot knows double quotes only, and no escape in them. */
static void add_quoted(struct kp_text *out, const char *s)
{
    kp_text_add(out, "\"");
    for (; *s; s++)
        kp_text_add_bytes(out,
                          *s == '"'                                ? "'"
                          : (unsigned char)*s < 0x20 || *s == 0x7f ? " "
                                                                   : s,
                          1);
    kp_text_add(out, "\"");
}

static void add_row(const struct kp_rowset *rows, int64_t row, struct kp_text *out)
{
    char real[KP_REAL_TEXT_SIZE];

    for (int i = 0; i < rows->columns; i++) {
        const struct kp_field *c = kp_rowset_field(rows, row, i);
        kp_text_add(out, i > 0 ? "\t" : "");
        if (c->kind == KP_FIELD_NULL)
            kp_text_add(out, "NaN");
        else if (c->kind == KP_FIELD_TEXT)
            add_quoted(out, c->text);
        else
            kp_text_add(out, kp_real_text(c->number, real));
    }
    kp_text_add(out, "\n");
}

static double x_of(const struct kp_rowset *rows, int64_t row, int x)
{
    return kp_rowset_field(rows, row, x)->number;
}

/* A place on the x axis of a panel at which something was measured. */
struct place {
    int64_t panel;
    double x;
};

static int by_place(const void *a, const void *b)
{
    const struct place *l = a, *r = b;

    if (l->panel != r->panel)
        return l->panel < r->panel ? -1 : 1;
    return (l->x > r->x) - (l->x < r->x);
}

/* What drawing a curve asks about the others. */
struct figure {
    const struct kp_rowset *rows, *missing;
    const struct kp_blocks *blocks;
    int x; /* column; -1: none */
    bool gaps;
    struct place *places; /* [count], sorted */
    int64_t count;
};

static bool find_places(struct figure *f)
{
    const int n = kp_rowset_column(f->rows, "n");

    f->places = calloc((size_t)f->rows->count + 1, sizeof *f->places);
    if (!f->places)
        return false;
    for (int64_t i = 0; i < f->rows->count && f->x >= 0; i++) {
        const double x = x_of(f->rows, i, f->x);
        const bool measured = n < 0 || kp_rowset_field(f->rows, i, n)->kind != KP_FIELD_NULL;
        if (measured && !isnan(x))
            f->places[f->count++] =
                (struct place){f->blocks->v[f->blocks->of_row[i]].panel_number, x};
    }
    qsort(f->places, (size_t)f->count, sizeof *f->places, by_place);
    return true;
}

/* Is there a place of the panel between the two? */
static bool measured_between(const struct figure *f, int64_t panel, double low, double high)
{
    const struct place least = {panel, low};
    int64_t first = 0, end = f->count;

    while (first < end) {
        const int64_t middle = first + (end - first) / 2;
        if (by_place(&f->places[middle], &least) <= 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first < f->count && f->places[first].panel == panel && f->places[first].x < high;
}

static bool missing_between(const struct figure *f, double low, double high)
{
    const int kappa = f->missing ? kp_rowset_column(f->missing, "kappa") : -1;

    for (int64_t i = 0; kappa >= 0 && i < f->missing->count; i++) {
        const double x = x_of(f->missing, i, kappa);
        if (x > low && x < high)
            return true;
    }
    return false;
}

static bool rises(const struct figure *f, int64_t block)
{
    double last = -INFINITY;

    for (int64_t i = 0; i < f->rows->count && f->x >= 0; i++) {
        if (f->blocks->of_row[i] != block)
            continue;
        if (!(x_of(f->rows, i, f->x) > last))
            return false;
        last = x_of(f->rows, i, f->x);
    }
    return f->x >= 0;
}

/* A curve has a gap where others of its panel have an x that it lacks, or a cell is missing. */
static void add_block(const struct figure *f, int64_t block, struct kp_text *out)
{
    const int64_t panel = f->blocks->v[block].panel_number;
    const bool curve = f->gaps && rises(f, block);
    int64_t before = -1;

    for (int64_t i = 0; i < f->rows->count; i++) {
        if (f->blocks->of_row[i] != block)
            continue;
        const double low = curve && before >= 0 ? x_of(f->rows, before, f->x) : 0;
        const double high = curve ? x_of(f->rows, i, f->x) : 0;
        if (curve && before >= 0 &&
            (measured_between(f, panel, low, high) || missing_between(f, low, high))) {
            for (int k = 0; k < f->rows->columns; k++)
                kp_text_add(out, k > 0 ? "\tNaN" : "NaN");
            kp_text_add(out, "\n");
        }
        add_row(f->rows, i, out);
        before = i;
    }
}

void kp_figure_data(const struct kp_rowset *rows, const struct kp_blocks *b,
                    const struct kp_rowset *missing, bool gaps, struct kp_text *out)
{
    struct figure f = {
        .rows = rows,
        .missing = missing,
        .blocks = b,
        .x = kp_rowset_column(rows, "x"),
        .gaps = gaps,
    };

    out->failed |= !find_places(&f);
    for (int64_t at = 0; at < b->count && !out->failed; at++) {
        kp_text_add(out, at > 0 ? "\n\n" : "");
        for (int i = 0; i < rows->columns; i++) {
            kp_text_add(out, i > 0 ? "\t" : "");
            add_quoted(out, rows->names[i]);
        }
        kp_text_add(out, "\n");
        add_block(&f, at, out);
    }
    free(f.places);
}
