/* page.c - a report as one HTML page, and its entries as text. */
#include "report/html.h"
#include "report/report.h"

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:68rem;margin:2rem auto;"
    "padding:0 1rem}\n"
    "h1,h2,h3{line-height:1.2}h2{border-bottom:1px solid #ccc;margin-top:3rem}h3{margin-top:2rem}\n"
    "table{border-collapse:collapse;font-size:.9rem;margin:.5rem 0}\n"
    "th,td{border-bottom:1px solid #ddd;padding:.15rem .6rem;text-align:left;vertical-align:top}\n"
    "td.number{text-align:right;font-variant-numeric:tabular-nums}\n"
    "img{max-width:100%;height:auto}pre{background:#f6f6f6;padding:.6rem;overflow-x:auto;"
    "font-size:.8rem;white-space:pre-wrap}\n"
    "p.small,details{font-size:.9rem;color:#444}.problem{border-left:4px solid #c00;"
    "padding-left:.6rem}\n"
    ".missing{border-left:4px solid #d90;padding-left:.6rem;font-size:.9rem}\n"
    ".holds{color:#161}.fails{color:#a00}.open{color:#666}nav li{margin:.1rem 0}\n"
    "@media print{body{max-width:none;margin:0;font-size:11pt}nav{display:none}"
    "h2{break-before:page}h3,img{break-inside:avoid;break-after:avoid}details{display:none}}\n";

static const char *const verdict_class[] = {"holds", "fails", "open"};

enum { MISSING_SHOWN = 100 };

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
}

static void add_paragraph(struct kp_text *out, const char *before, const char *text)
{
    if (!*text)
        return;
    kp_text_addf(out, "<p class=\"small\">%s", before);
    kp_html_add(out, text);
    kp_text_add(out, "</p>\n");
}

/* The identifier of an entry in the page: section/name. */
static void add_id(struct kp_text *out, const struct kp_report_section *s, const struct kp_entry *x)
{
    kp_html_add(out, s->name);
    kp_text_add(out, "/");
    kp_html_add(out, x->item.name ? x->item.name : x->path);
}

static void add_title(struct kp_text *out, const struct kp_entry *x)
{
    kp_html_add(out, x->item.title ? x->item.title : x->path);
    if (x->item.title && x->item.kind == KP_ITEM_CLAIM)
        kp_text_addf(out, ": <span class=\"%s\">%s%s</span>", verdict_class[x->verdict],
                     kp_verdict_text(x->verdict), x->indicative ? ", indicative" : "");
}

static void add_links(struct kp_text *out, const struct kp_report_section *s,
                      const struct kp_entry *x)
{
    static const char *const suffixes[] = {"svg", "pdf", "csv", "txt", "sql"};

    kp_text_add(out, "<p class=\"small\">files:");
    for (int i = x->svg ? 0 : 2; i < 5; i++) {
        kp_text_add(out, " <a href=\"");
        add_id(out, s, x);
        kp_text_addf(out, ".%s\">%s</a>", suffixes[i], suffixes[i]);
    }
    kp_text_add(out, "</p>\n");
}

static void add_rows(struct kp_text *out, const struct kp_entry *x)
{
    /* The numbers of a figure are there for those who want them. */
    if (x->svg) {
        kp_text_add(out, "<img alt=\"");
        kp_html_add(out, x->item.title);
        kp_text_add(out, "\" src=\"");
        kp_html_add_svg(out, x->svg);
        kp_text_add(out, "\">\n<details><summary>the numbers</summary>\n");
    }
    if (x->rows.count > 0)
        kp_html_add_rows(out, &x->rows);
    else
        kp_text_add(out, "<p>The database has no row for it.</p>\n");
    if (x->svg)
        kp_text_add(out, "</details>\n");
}

static void add_entry(struct kp_text *out, const struct kp_report_section *s,
                      const struct kp_entry *x)
{
    char n[64];

    kp_text_add(out, "<section id=\"");
    add_id(out, s, x);
    kp_text_add(out, "\">\n<h3>");
    add_title(out, x);
    kp_text_add(out, "</h3>\n");
    if (x->problem) {
        kp_text_add(out, "<p class=\"problem\">");
        kp_html_add(out, x->problem);
        kp_text_add(out, "</p>\n");
    }
    if (!x->item.title) {
        kp_text_add(out, "</section>\n");
        return;
    }
    if (x->rows.columns > 0) {
        add_rows(out, x);
        kp_entry_n_text(x, n, sizeof n);
        add_paragraph(out, "", n);
    }
    add_paragraph(out, "Split: ", x->item.split);
    add_paragraph(out, "Test: ", x->item.statistics);
    add_paragraph(out, "", x->item.note);
    if (x->missing.count > 0) {
        kp_text_add(out, "<div class=\"missing\">Missing, and not in the numbers above:<ul>\n");
        kp_entry_missing_text(x, "<li>", "</li>\n", MISSING_SHOWN, true, out);
        kp_text_add(out, "</ul></div>\n");
    }
    if (x->rows.columns > 0)
        add_links(out, s, x);
    kp_text_add(out, "<details><summary>the query</summary><pre>");
    kp_html_add(out, x->item.text);
    kp_text_add(out, "</pre></details>\n</section>\n");
}

static void add_contents(struct kp_text *out, const struct kp_report *r)
{
    kp_text_add(out, "<nav>\n");
    for (int64_t i = 0; i < r->count; i++) {
        kp_text_add(out, "<p>");
        kp_html_add(out, r->sections[i].name);
        kp_text_add(out, "</p>\n<ul>\n");
        for (int64_t k = 0; k < r->sections[i].count; k++) {
            kp_text_add(out, "<li><a href=\"#");
            add_id(out, &r->sections[i], &r->sections[i].entries[k]);
            kp_text_add(out, "\">");
            add_title(out, &r->sections[i].entries[k]);
            kp_text_add(out, "</a></li>\n");
        }
        kp_text_add(out, "</ul>\n");
    }
    kp_text_add(out, "</nav>\n");
}

void kp_report_page(const struct kp_report *r, const struct kp_report_result *result,
                    struct kp_text *out)
{
    kp_text_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n<title>kappa: ");
    kp_html_add(out, r->database);
    kp_text_addf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>Report on ", style);
    kp_html_add(out, r->database);
    kp_text_addf(out,
                 "</h1>\n<p>%lld figures, %lld tables, %lld claims. Error bars are standard "
                 "deviations over seeds (n &minus; 1); n is stated beside each.</p>\n",
                 (long long)result->figures, (long long)result->tables, (long long)result->claims);
    if (!result->gnuplot)
        kp_text_add(out, "<p class=\"problem\">gnuplot was not there: figures are shown as "
                         "tables.</p>\n");
    add_contents(out, r);
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_report_section *s = &r->sections[i];
        kp_text_add(out, "<h2>");
        kp_html_add(out, s->name);
        kp_text_add(out, "</h2>\n");
        if (s->experiment)
            add_paragraph(out, "Runs of ", s->experiment);
        else
            add_paragraph(out, "", "All runs of the database");
        for (int64_t k = 0; k < s->count; k++)
            add_entry(out, s, &s->entries[k]);
    }
    kp_text_add(out, "</body>\n</html>\n");
}
