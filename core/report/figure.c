/* figure.c - the rows of a figure as a data file and a script for gnuplot. */
#include "report/figure.h"

#include <stdio.h>
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

/* Quotes for gnuplot: nothing in single quotes but the quote itself has a meaning; a data file
 * knows double quotes only. */
static void add_quoted(struct kp_text *out, const char *s, char quote)
{
    kp_text_add_bytes(out, &quote, 1);
    for (; *s; s++) {
        char c = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
        if (c == '\'' && quote == '\'')
            kp_text_add(out, "''");
        else if (c == '"' && quote == '"')
            kp_text_add(out, "'");
        else
            kp_text_add_bytes(out, &c, 1);
    }
    kp_text_add_bytes(out, &quote, 1);
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
            add_quoted(out, c->text, '"');
        else
            kp_text_add(out, kp_real_text(c->number, real));
    }
    kp_text_add(out, "\n");
}

void kp_figure_data(const struct kp_rowset *rows, const struct kp_blocks *b, struct kp_text *out)
{
    for (int64_t at = 0; at < b->count; at++) {
        kp_text_add(out, at > 0 ? "\n\n" : "");
        for (int i = 0; i < rows->columns; i++) {
            kp_text_add(out, i > 0 ? "\t" : "");
            add_quoted(out, rows->names[i], '"');
        }
        kp_text_add(out, "\n");
        for (int64_t i = 0; i < rows->count; i++)
            if (b->of_row[i] == at)
                add_row(rows, i, out);
    }
}

static void add_variable(struct kp_text *out, const char *name, const char *text)
{
    kp_text_addf(out, "%s = ", name);
    add_quoted(out, text, '\'');
    kp_text_add(out, "\n");
}

static void add_panels(const struct kp_blocks *b, struct kp_text *out)
{
    for (int64_t i = 0; i < b->count; i++) {
        bool opens = i == 0 || b->v[i].panel_number != b->v[i - 1].panel_number;
        kp_text_addf(out, "series[%lld] = ", (long long)i + 1);
        add_quoted(out, b->v[i].series, '\'');
        if (opens) {
            kp_text_addf(
                out, "; first[%lld] = %lld; panel[%lld] = ", (long long)b->v[i].panel_number + 1,
                (long long)i + 1, (long long)b->v[i].panel_number + 1);
            add_quoted(out, b->v[i].panel, '\'');
        }
        kp_text_addf(out, "; last[%lld] = %lld\n", (long long)b->v[i].panel_number + 1,
                     (long long)i + 1);
    }
}

/* One pass for each kind of file, because a template may not stand inside of a loop. */
static void add_pass(const struct kp_item *item, const char *terminal, const char *suffix,
                     struct kp_text *out)
{
    kp_text_addf(out,
                 "\nreset\nset encoding utf8\nset datafile separator tab\n"
                 "set terminal %s\nset output '%s.%s'\n",
                 terminal, item->name, suffix);
    /* Colours that most people tell apart, on white paper too. */
    static const char *const colours[] = {"0072b2", "d55e00", "009e73", "cc79a7",
                                          "56b4e9", "e69f00", "555555", "8c510a"};
    for (int i = 0; i < 8; i++)
        kp_text_addf(out, "set linetype %d lc rgb '#%s'\n", i + 1, colours[i]);
    kp_text_add(out, "set linetype cycle 8\nset key outside right top noenhanced\n"
                     "set title heading.(panel[1] eq '' ? '' : \"\\n\".panel[1]) noenhanced\n"
                     "set xlabel xname noenhanced\nset ylabel yname noenhanced\n"
                     "set grid lc rgb '#dddddd'\n");
    kp_text_add(out, item->settings);
    kp_text_addf(out, "load '%s.gp'\nset output\n", item->name);
}

void kp_figure_script(const struct kp_item *item, const struct kp_blocks *b, struct kp_text *out)
{
    long long panels = (long long)(b->panels > 0 ? b->panels : 1);
    long long columns = panels > 3 ? 3 : panels, lines = (panels + columns - 1) / columns;
    long long width = columns == 1 ? 760 : 480 * columns, height = columns == 1 ? 440 : 340 * lines;
    char terminal[128];

    kp_text_addf(out, "# %s.gnuplot - draws %s.svg and %s.pdf from %s.dat: gnuplot %s.gnuplot\n",
                 item->name, item->name, item->name, item->name, item->name);
    kp_text_addf(out, "data = '%s.dat'\n", item->name);
    add_variable(out, "heading", item->title);
    add_variable(out, "xname", item->x);
    add_variable(out, "yname", item->y);
    kp_text_addf(out,
                 "curves = %lld\npanels = %lld\nlayout_columns = %lld\nlayout_lines = %lld\n"
                 "array series[%lld]\narray panel[%lld]\narray first[%lld]\narray last[%lld]\n",
                 (long long)b->count, panels, columns, lines,
                 (long long)(b->count > 0 ? b->count : 1), panels, panels, panels);
    add_panels(b, out);
    /* An absent standard deviation (one seed) draws no bar. */
    kp_text_add(out, "bar(sd) = (sd == sd) ? sd : 0\n");
    (void)snprintf(terminal, sizeof terminal,
                   "svg noenhanced size %lld,%lld font 'sans-serif,13' background rgb 'white'",
                   width, height);
    add_pass(item, terminal, "svg", out);
    (void)snprintf(terminal, sizeof terminal,
                   "pdfcairo noenhanced size %.2fin,%.2fin font 'sans-serif,11'",
                   (double)width / 100.0, (double)height / 100.0);
    add_pass(item, terminal, "pdf", out);
}
