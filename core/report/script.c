/* script.c - the script that makes gnuplot draw a figure. */
#include "report/script.h"

#include <stdio.h>
#include <string.h>

/* Quantities that papers write in Greek. */
static const struct {
    const char *word, *letter;
} greek[] = {{"kappa", "κ"}, {"tau", "τ"}, {"omega", "ω"}, {"sqrt", "√"}};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The letter for the whole word that begins at `s`, behind `before`; *n: its length. */
static const char *greek_at(const char *s, char before, size_t *n)
{
    for (size_t i = 0; i < sizeof greek / sizeof *greek && !is_letter(before); i++) {
        *n = strlen(greek[i].word);
        if (strncmp(s, greek[i].word, *n) == 0 && !is_letter(s[*n]))
            return greek[i].letter;
    }
    return NULL;
}

/* In single quotes nothing but the quote itself has a meaning. */
static void add_quoted(struct kp_text *out, const char *s)
{
    char before = ' ';

    kp_text_add(out, "'");
    while (*s) {
        size_t n = 1;
        const char *letter = greek_at(s, before, &n);
        if (letter)
            kp_text_add(out, letter);
        else if (*s == '\'')
            kp_text_add(out, "''");
        else
            kp_text_add_bytes(out, (unsigned char)*s < 0x20 || *s == 0x7f ? " " : s, 1);
        n = letter ? n : 1;
        before = s[n - 1];
        s += n;
    }
    kp_text_add(out, "'");
}

static void add_variable(struct kp_text *out, const char *name, const char *text)
{
    kp_text_addf(out, "%s = ", name);
    add_quoted(out, text);
    kp_text_add(out, "\n");
}

static void add_curves(const struct kp_blocks *b, const struct kp_looks *l, struct kp_text *out)
{
    for (int64_t i = 0; i < b->count; i++) {
        long long panel = (long long)b->v[i].panel_number + 1;
        kp_text_addf(out, "series[%lld] = ", (long long)i + 1);
        add_quoted(out, b->v[i].series);
        kp_text_addf(out, "; look[%lld] = %lld", (long long)i + 1, (long long)l->of_block[i] + 1);
        if (i == 0 || b->v[i].panel_number != b->v[i - 1].panel_number) {
            kp_text_addf(out, "; first[%lld] = %lld; panel[%lld] = ", panel, (long long)i + 1,
                         panel);
            add_quoted(out, b->v[i].panel);
        }
        kp_text_addf(out, "; last[%lld] = %lld\n", panel, (long long)i + 1);
    }
    for (int64_t i = 0; i < l->count; i++) {
        kp_text_addf(out, "name[%lld] = ", (long long)i + 1);
        add_quoted(out, l->v[i].name);
        kp_text_addf(out, "; colour[%lld] = '%s'; dash[%lld] = %d; mark[%lld] = %d\n",
                     (long long)i + 1, l->v[i].colour, (long long)i + 1, l->v[i].dash,
                     (long long)i + 1, l->v[i].mark);
    }
}

/* Pixels of the drawing and of what surrounds the panels. */
struct frame {
    int columns, lines;
    int width, height;
    int left, right, top, bottom;
    int gap_x, gap_y;
};

/* What letters of the size that the script asks for take, about. */
enum { LETTER = 7, SAMPLE = 56, NAME_LETTERS_MOST = 34 };

static struct frame lay_out(const struct kp_blocks *b, const struct kp_looks *l)
{
    int panels = b->panels > 0 ? (int)b->panels : 1;
    int columns = panels == 4 ? 2 : panels > 3 ? 3 : panels;
    struct frame f = {.columns = columns,
                      .lines = (panels + columns - 1) / columns,
                      .left = 80,
                      .top = 34,
                      .bottom = 62,
                      .gap_x = 48,
                      .gap_y = 58};
    size_t letters = 0;

    for (int64_t i = 0; i < l->count; i++)
        letters = strlen(l->v[i].name) > letters ? strlen(l->v[i].name) : letters;
    if (letters > NAME_LETTERS_MOST)
        letters = NAME_LETTERS_MOST;
    /* A drawing without names of curves is a picture, such as a matrix: nearly square. */
    int panel_width = columns == 1 ? 440 : letters > 0 ? 290 : 200;
    int panel_height = columns == 1 ? 300 : 220;
    f.right = letters > 0 ? SAMPLE + 20 + LETTER * (int)letters : 24;
    f.width = f.left + columns * panel_width + (columns - 1) * f.gap_x + f.right;
    f.height = f.top + f.lines * panel_height + (f.lines - 1) * f.gap_y + f.bottom;
    return f;
}

static void add_frame(const struct frame *f, struct kp_text *out)
{
    double w = f->width, h = f->height;

    kp_text_addf(out, "layout_columns = %d\nlayout_lines = %d\n", f->columns, f->lines);
    kp_text_addf(out, "panel_left = %.4f\npanel_right = %.4f\npanel_bottom = %.4f\n", f->left / w,
                 1.0 - f->right / w, f->bottom / h);
    kp_text_addf(out, "panel_top = %.4f\ngap_x = %.4f\ngap_y = %.4f\n", 1.0 - f->top / h,
                 f->gap_x / w, f->gap_y / h);
    kp_text_addf(out, "names_left = %.4f\nfootnote_right = %.4f\nfootnote_bottom = %.4f\n",
                 1.0 - (f->right - 14) / w, 1.0 - 10.0 / w, 14.0 / h);
}

/* One pass for each kind of file, because a template may not stand inside of a loop. */
static void add_pass(const struct kp_item *item, const char *terminal, const char *suffix,
                     struct kp_text *out)
{
    kp_text_addf(out,
                 "\nreset\nset encoding utf8\nset datafile separator tab\n"
                 "set terminal %s\nset output '%s.%s'\n",
                 terminal, item->name, suffix);
    kp_text_add(
        out,
        "set border 3 lc rgb '#444444'\nset tics nomirror out scale 0.6 textcolor "
        "rgb '#222222'\nset grid lc rgb '#e4e4e4' lt 1 lw 0.5\nset bars 0.5\nset autoscale xfix\n"
        "set offsets graph 0.06, graph 0.06, 0, 0\n"
        "set key at screen names_left, panel_top left top Left reverse noenhanced "
        "samplen 2.2 spacing 1.25\nset title noenhanced offset 0,-0.4\n"
        "set xlabel xname noenhanced offset 0,0.3\n"
        "set ylabel yname noenhanced offset 0.8,0\n"
        "set label 1 footnote at screen footnote_right, footnote_bottom right noenhanced "
        "textcolor rgb '#555555'\n");
    kp_text_add(out, item->settings);
    kp_text_addf(out, "load '%s.gp'\nset output\n", item->name);
}

void kp_script_make(const struct kp_item *item, const struct kp_blocks *b, const struct kp_looks *l,
                    const char *footnote, struct kp_text *out)
{
    long long panels = (long long)(b->panels > 0 ? b->panels : 1);
    long long curves = (long long)(b->count > 0 ? b->count : 1);
    long long looks = (long long)(l->count > 0 ? l->count : 1);
    struct frame f = lay_out(b, l);
    char terminal[128];

    kp_text_addf(out, "# %s.gnuplot - draws %s.svg and %s.pdf from %s.dat: gnuplot %s.gnuplot\n",
                 item->name, item->name, item->name, item->name, item->name);
    kp_text_addf(out, "data = '%s.dat'\n", item->name);
    add_variable(out, "heading", item->title);
    add_variable(out, "xname", item->x);
    add_variable(out, "yname", item->y);
    add_variable(out, "footnote", footnote);
    kp_text_addf(out, "curves = %lld\npanels = %lld\nlooks = %lld\n", (long long)b->count, panels,
                 (long long)l->count);
    add_frame(&f, out);
    kp_text_addf(out,
                 "array series[%lld]\narray look[%lld]\narray panel[%lld]\narray first[%lld]\n"
                 "array last[%lld]\narray name[%lld]\narray colour[%lld]\narray dash[%lld]\n"
                 "array mark[%lld]\n",
                 curves, curves, panels, panels, panels, looks, looks, looks, looks);
    add_curves(b, l, out);
    /* An absent standard deviation (one seed) draws no bar. */
    kp_text_add(out, "bar(sd) = (sd == sd) ? sd : 0\n");
    (void)snprintf(terminal, sizeof terminal,
                   "svg noenhanced size %d,%d font 'Helvetica,Arial,sans-serif,12' linewidth 1.2 "
                   "background rgb 'white'",
                   f.width, f.height);
    add_pass(item, terminal, "svg", out);
    (void)snprintf(terminal, sizeof terminal,
                   "pdfcairo noenhanced size %.2fin,%.2fin font 'Helvetica,9' linewidth 1.2",
                   f.width / 100.0, f.height / 100.0);
    add_pass(item, terminal, "pdf", out);
}
