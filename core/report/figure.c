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

static bool within(double v, double low, double high)
{
    return v > low && v < high;
}

/* Is there an x between those of two rows of a curve that follow each other: of another curve of
 * the panel, or of a missing cell? */
static bool skips_x(const struct kp_rowset *rows, const struct kp_blocks *b,
                    const struct kp_rowset *missing, int64_t row, int64_t next)
{
    int x = kp_rowset_column(rows, "x"), n = kp_rowset_column(rows, "n");
    int kappa = missing ? kp_rowset_column(missing, "kappa") : -1;
    double low = x_of(rows, row, x), high = x_of(rows, next, x);

    for (int64_t i = 0; i < rows->count; i++)
        if (b->v[b->of_row[i]].panel_number == b->v[b->of_row[row]].panel_number &&
            within(x_of(rows, i, x), low, high) &&
            (n < 0 || kp_rowset_field(rows, i, n)->kind != KP_FIELD_NULL))
            return true;
    for (int64_t i = 0; kappa >= 0 && i < missing->count; i++)
        if (within(x_of(missing, i, kappa), low, high))
            return true;
    return false;
}

static bool rises(const struct kp_rowset *rows, const struct kp_blocks *b, int x, int64_t block)
{
    double last = -INFINITY;

    for (int64_t i = 0; i < rows->count && x >= 0; i++) {
        if (b->of_row[i] != block)
            continue;
        if (!(x_of(rows, i, x) > last))
            return false;
        last = x_of(rows, i, x);
    }
    return x >= 0;
}

static void add_block(const struct kp_rowset *rows, const struct kp_blocks *b, int64_t block,
                      const struct kp_rowset *missing, struct kp_text *out)
{
    bool curve = rises(rows, b, kp_rowset_column(rows, "x"), block);
    int64_t before = -1;

    for (int64_t i = 0; i < rows->count; i++) {
        if (b->of_row[i] != block)
            continue;
        if (curve && before >= 0 && skips_x(rows, b, missing, before, i)) {
            for (int k = 0; k < rows->columns; k++)
                kp_text_add(out, k > 0 ? "\tNaN" : "NaN");
            kp_text_add(out, "\n");
        }
        add_row(rows, i, out);
        before = i;
    }
}

void kp_figure_data(const struct kp_rowset *rows, const struct kp_blocks *b,
                    const struct kp_rowset *missing, struct kp_text *out)
{
    for (int64_t at = 0; at < b->count; at++) {
        kp_text_add(out, at > 0 ? "\n\n" : "");
        for (int i = 0; i < rows->columns; i++) {
            kp_text_add(out, i > 0 ? "\t" : "");
            add_quoted(out, rows->names[i]);
        }
        kp_text_add(out, "\n");
        add_block(rows, b, at, missing, out);
    }
}
