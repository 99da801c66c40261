/* html.c - text inside of HTML. */
#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void kp_html_add(struct kp_text *out, const char *s)
{
    while (*s) {
        size_t n = strcspn(s, "&<>\"");
        kp_text_add_bytes(out, s, n);
        s += n;
        if (!*s)
            break;
        kp_text_add(out, *s == '&' ? "&amp;" : *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : "&quot;");
        s++;
    }
}

void kp_html_add_svg(struct kp_text *out, const char *svg)
{
    kp_text_add(out, "data:image/svg+xml;charset=utf-8,");
    for (; *svg; svg++) {
        unsigned char c = (unsigned char)*svg;
        if (c < 0x20)
            kp_text_add(out, " ");
        else if (c >= 0x7f || strchr("%#\"<>&?", c))
            kp_text_addf(out, "%%%02X", (unsigned)c);
        else
            kp_text_add_bytes(out, svg, 1);
    }
}

/* Does the column hold numbers alone, texts of numbers ("+1.20") included? */
static bool is_number(const struct kp_rowset *rows, int column)
{
    for (int64_t i = 0; i < rows->count; i++) {
        const struct kp_field *c = kp_rowset_field(rows, i, column);
        if (c->kind == KP_FIELD_TEXT && isnan(c->number))
            return false;
    }
    return true;
}

void kp_html_add_rows(struct kp_text *out, const struct kp_rowset *rows)
{
    bool *number = calloc((size_t)rows->columns + 1, sizeof *number);

    if (!number) {
        out->failed = true;
        return;
    }
    kp_text_add(out, "<table>\n<thead><tr>");
    for (int i = 0; i < rows->columns; i++) {
        number[i] = is_number(rows, i);
        kp_text_add(out, number[i] ? "<th class=\"number\">" : "<th>");
        kp_html_add(out, rows->names[i]);
        kp_text_add(out, "</th>");
    }
    kp_text_add(out, "</tr></thead>\n<tbody>\n");
    for (int64_t row = 0; row < rows->count; row++) {
        kp_text_add(out, "<tr>");
        for (int i = 0; i < rows->columns; i++) {
            const struct kp_field *c = kp_rowset_field(rows, row, i);
            kp_text_add(out, number[i] ? "<td class=\"number\">" : "<td>");
            if (c->kind == KP_FIELD_NULL)
                kp_text_add(out, "&ndash;");
            else
                kp_html_add(out, c->text);
            kp_text_add(out, "</td>");
        }
        kp_text_add(out, "</tr>\n");
    }
    kp_text_add(out, "</tbody>\n</table>\n");
    free(number);
}
