/* page.c - a report as one HTML page, and its entries as text. */
#include "report/html.h"
#include "report/report.h"

#include <string.h>

static const char style[] =
    "body{font:17px/1.5 Charter,'Bitstream Charter',Cambria,Georgia,serif;color:#1a1a1a;"
    "max-width:54rem;margin:2.5rem auto;padding:0 1.25rem}\n"
    "h1{font-size:1.7rem;margin:0}h2{font-size:1.25rem;margin:3.5rem 0 0;padding-bottom:.2rem;"
    "border-bottom:1px solid #999}h3{font-size:1rem;margin:0}\n"
    "a{color:#0b4f8a;text-decoration:none}a:hover{text-decoration:underline}\n"
    "code{font:.82em ui-monospace,'DejaVu Sans Mono',monospace}\n"
    "table{border-collapse:collapse;margin:.6rem 0;border-top:1.5px solid #333;"
    "border-bottom:1.5px solid #333;font:.8rem/1.45 system-ui,'DejaVu Sans',sans-serif}\n"
    "thead th{border-bottom:1px solid #333;font-weight:600}\n"
    "th,td{padding:.12rem .7rem;text-align:left;vertical-align:top}\n"
    ".number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "section{margin:2rem 0 2.6rem}figure{margin:0;text-align:center}\n"
    "figure img{max-width:100%;height:auto}.wide{overflow-x:auto}\n"
    ".caption{font-size:.92rem;line-height:1.45;text-align:left;max-width:48rem;margin:.5rem "
    "auto}\n"
    ".links,.small,details{font:.8rem/1.5 system-ui,'DejaVu Sans',sans-serif;color:#555}\n"
    ".links a{margin-right:.8rem}details{margin:.3rem 0}summary{cursor:pointer}\n"
    "pre{background:#f5f5f3;padding:.7rem;overflow-x:auto;font-size:.76rem;line-height:1.4}\n"
    ".problem{border-left:3px solid #b00020;padding-left:.6rem}\n"
    ".missing{border-left:3px solid #c77700;padding-left:.6rem}.missing ul{margin:.3rem 0}\n"
    ".holds{color:#1b6e20}.fails{color:#a80000}.open{color:#6b6b6b}\n"
    "nav table{width:100%;margin-top:1.2rem}nav .missing{border:0;padding-left:.7rem}\n"
    "@media print{body{max-width:none;margin:0;font-size:10.5pt}nav,.links,details{display:none}"
    "section{break-inside:avoid}a{color:inherit}}\n";

static const char *const verdict_class[] = {"holds", "fails", "open"};

enum { MISSING_SHOWN = 100, MISSING_OPEN = 6 };

void kp_report_entry_text(const struct kp_entry *x, struct kp_text *out)
{
    const struct kp_item *item = &x->item;
    char n[64];

    kp_entry_n_text(x, n, sizeof n);
    kp_text_addf(out, "%s\n\n", item->title);
    kp_text_add(out, x->table.s ? x->table.s : "");
    kp_text_addf(out, "\n%s\n", n);
    if (item->kind == KP_ITEM_CLAIM)
        kp_text_addf(out, "%s%s (%s)\n", kp_verdict_text(x->verdict),
                     x->indicative ? ", indicative" : "", item->statistics);
    if (*item->split)
        kp_text_addf(out, "split: %s\n", item->split);
    if (*item->note)
        kp_text_addf(out, "%s\n", item->note);
    if (x->missing.count > 0) {
        kp_text_add(out, "missing:\n");
        kp_entry_missing_text(x, "  ", "\n", x->missing.count, false, out);
    }
    if (*item->from && x->verdict == KP_CLAIM_OPEN)
        kp_text_addf(out, "decided by the runs of %s\n", item->from);
}

/* The identifier of an entry in the page: section/name. */
static void add_id(struct kp_text *out, const struct kp_report_section *s, const struct kp_entry *x)
{
    kp_html_add(out, s->name);
    kp_text_add(out, "/");
    kp_html_add(out, x->item.name ? x->item.name : x->path);
}

static void add_verdict(struct kp_text *out, const struct kp_entry *x)
{
    kp_text_addf(out, "<span class=\"%s\">%s%s</span>", verdict_class[x->verdict],
                 kp_verdict_text(x->verdict), x->indicative ? ", indicative" : "");
}

static void add_sentence(struct kp_text *out, const char *before, const char *text)
{
    if (!*text)
        return;
    kp_text_add(out, before);
    kp_html_add(out, text);
    kp_text_add(out, strchr(".!?", text[strlen(text) - 1]) ? " " : ". ");
}

/* Title, what n and bars are, splits: all that a reader of the drawing alone needs. */
static void add_caption(struct kp_text *out, const struct kp_entry *x)
{
    char n[96];

    kp_entry_footnote(x, n, sizeof n);
    kp_text_add(out, "<p class=\"caption\"><b>");
    kp_html_add(out, x->item.title);
    kp_text_add(out, ".</b> ");
    if (x->item.kind == KP_ITEM_CLAIM) {
        add_verdict(out, x);
        add_sentence(out, ". Test: ", x->item.statistics);
    }
    if (x->rows.count > 0)
        add_sentence(out, "", n);
    add_sentence(out, "Split: ", x->item.split);
    add_sentence(out, "", x->item.note);
    if (*x->item.from && x->verdict == KP_CLAIM_OPEN)
        add_sentence(out, "Decided by the runs of ", x->item.from);
    kp_text_add(out, "</p>\n");
}

static void add_links(struct kp_text *out, const struct kp_report_section *s,
                      const struct kp_entry *x)
{
    static const struct {
        const char *suffix, *shown;
    } files[] = {{"svg", "SVG"}, {"pdf", "PDF"}, {"csv", "CSV"}, {"txt", "text"}, {"sql", "query"}};

    kp_text_add(out, "<p class=\"links\">");
    for (int i = x->svg ? 0 : 2; i < 5; i++) {
        kp_text_add(out, "<a href=\"");
        add_id(out, s, x);
        kp_text_addf(out, ".%s\">%s</a>", files[i].suffix, files[i].shown);
    }
    kp_text_add(out, "</p>\n");
}

/* The drawing, with its numbers for those who want them; or the rows. */
static void add_body(struct kp_text *out, const struct kp_entry *x)
{
    if (x->svg) {
        kp_text_add(out, "<figure><img alt=\"");
        kp_html_add(out, x->item.title);
        kp_text_add(out, "\" src=\"");
        kp_html_add_svg(out, x->svg);
        kp_text_add(out, "\"></figure>\n");
    } else if (x->rows.count > 0) {
        kp_text_add(out, "<div class=\"wide\">");
        kp_html_add_rows(out, &x->rows);
        kp_text_add(out, "</div>\n");
    } else if (x->rows.columns > 0) {
        kp_text_add(out, "<p class=\"small\">The database has no row for it.</p>\n");
    }
}

static void add_missing(struct kp_text *out, const struct kp_entry *x)
{
    if (x->missing.count == 0)
        return;
    kp_text_addf(out,
                 "<details class=\"missing\"%s><summary>Missing, and not in the numbers above: "
                 "%lld %s</summary><ul>\n",
                 x->missing.count <= MISSING_OPEN ? " open" : "", (long long)x->missing.count,
                 x->missing.count == 1 ? "cell" : "cells");
    kp_entry_missing_text(x, "<li>", "</li>\n", MISSING_SHOWN, true, out);
    kp_text_add(out, "</ul></details>\n");
}

static void add_entry(struct kp_text *out, const struct kp_report_section *s,
                      const struct kp_entry *x)
{
    bool answered = x->rows.columns > 0;

    kp_text_add(out, "<section id=\"");
    add_id(out, s, x);
    kp_text_add(out, "\">\n");
    if (x->problem) {
        kp_text_add(out, "<p class=\"problem\">");
        kp_html_add(out, x->problem);
        kp_text_add(out, "</p>\n");
    }
    if (x->item.title) {
        add_body(out, x);
        add_caption(out, x);
        add_missing(out, x);
        if (answered)
            add_links(out, s, x);
        if (x->svg) {
            kp_text_add(out, "<details><summary>The numbers</summary><div class=\"wide\">");
            kp_html_add_rows(out, &x->rows);
            kp_text_add(out, "</div></details>\n");
        }
        kp_text_add(out, "<details><summary>The query</summary><pre>");
        kp_html_add(out, x->item.text);
        kp_text_add(out, "</pre></details>\n");
    }
    kp_text_add(out, "</section>\n");
}

static void add_contents_line(struct kp_text *out, const struct kp_report_section *s,
                              const struct kp_entry *x)
{
    char n[64];

    kp_entry_n_text(x, n, sizeof n);
    kp_text_add(out, "<tr><td>");
    kp_html_add(out, s->name);
    kp_text_add(out, "</td><td><a href=\"#");
    add_id(out, s, x);
    kp_text_add(out, "\">");
    kp_html_add(out, x->item.title ? x->item.title : x->path);
    kp_text_add(out, "</a></td><td>");
    if (x->problem)
        kp_text_add(out, "<span class=\"fails\">failed</span>");
    else if (x->item.kind == KP_ITEM_CLAIM)
        add_verdict(out, x);
    else
        kp_text_add(out, n);
    kp_text_add(out, "</td><td class=\"number\">");
    if (x->missing.count > 0)
        kp_text_addf(out, "%lld", (long long)x->missing.count);
    kp_text_add(out, "</td></tr>\n");
}

static void add_contents(struct kp_text *out, const struct kp_report *r)
{
    kp_text_add(out, "<nav><table>\n<thead><tr><th>folder</th><th>what</th><th>state</th>"
                     "<th class=\"number\">missing cells</th></tr></thead>\n<tbody>\n");
    for (int64_t i = 0; i < r->count; i++)
        for (int64_t k = 0; k < r->sections[i].count; k++)
            add_contents_line(out, &r->sections[i], &r->sections[i].entries[k]);
    kp_text_add(out, "</tbody></table></nav>\n");
}

void kp_report_page(const struct kp_report *r, const struct kp_report_result *result,
                    struct kp_text *out)
{
    kp_text_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n<title>kappa: ");
    kp_html_add(out, r->database);
    kp_text_addf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>Report</h1>\n", style);
    kp_text_add(out, "<p class=\"small\">Run database <code>");
    kp_html_add(out, r->database);
    kp_text_addf(out,
                 "</code>; figures: %lld, tables: %lld, claims: %lld. Bars are standard deviations "
                 "over seeds (n &minus; 1); n is stated with each.</p>\n",
                 (long long)result->figures, (long long)result->tables, (long long)result->claims);
    if (!result->gnuplot)
        kp_text_add(out, "<p class=\"problem\">gnuplot was not there: figures are shown as "
                         "tables.</p>\n");
    add_contents(out, r);
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_report_section *s = &r->sections[i];
        kp_text_add(out, "<h2>");
        kp_html_add(out, s->name);
        kp_text_add(out, "</h2>\n<p class=\"small\">");
        if (s->experiment) {
            kp_text_add(out, "Runs of <code>");
            kp_html_add(out, s->experiment);
            kp_text_add(out, "</code></p>\n");
        } else {
            kp_text_add(out, "All runs of the database</p>\n");
        }
        for (int64_t k = 0; k < s->count; k++)
            add_entry(out, s, &s->entries[k]);
    }
    kp_text_add(out, "</body>\n</html>\n");
}
