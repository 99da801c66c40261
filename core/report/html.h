/* html.h - text inside of HTML. */
#ifndef KP_REPORT_HTML_H
#define KP_REPORT_HTML_H

#include "base/text.h"
#include "store/rowset.h"

/* Text with the characters that HTML gives a meaning replaced; fit for attributes in double quotes
 * too. */
void kp_html_add(struct kp_text *out, const char *s);

/* A drawing as the address of an <img>, so that the page needs no other file. */
void kp_html_add_svg(struct kp_text *out, const char *svg);

/* A <table>; numbers to the right, NULL as a dash. */
void kp_html_add_rows(struct kp_text *out, const struct kp_rowset *rows);

#endif
