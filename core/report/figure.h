/* figure.h - the rows of a figure as a data file and a script for gnuplot. */
#ifndef KP_REPORT_FIGURE_H
#define KP_REPORT_FIGURE_H

#include "base/text.h"
#include "report/item.h"
#include "store/rowset.h"

/* Curves of a figure: rows of equal (panel, series), in the order in which they first appear. Where
 * the query has no such column there is one panel, one series. */
struct kp_blocks {
    int64_t count;
    int64_t panels;
    int64_t *of_row; /* [rows] */
    struct kp_block {
        const char *panel, *series;
        int64_t panel_number;
    } * v; /* those of one panel beside each other */
};

#define KP_BLOCKS_LIMIT 512

KP_NODISCARD enum kp_status kp_blocks_make(const struct kp_rowset *rows, struct kp_blocks *out,
                                           struct kp_error *e);
void kp_blocks_finish(struct kp_blocks *b);

/* Columns separated by tabs, each block under a line of the column names and apart from the next by
 * two empty lines, which is what gnuplot's `index` counts; NULL is NaN. */
void kp_figure_data(const struct kp_rowset *rows, const struct kp_blocks *b, struct kp_text *out);

/* Sets the variables that experiments/README.md lists, then draws NAME.svg and NAME.pdf by the
 * template NAME.gp. */
void kp_figure_script(const struct kp_item *item, const struct kp_blocks *b, struct kp_text *out);

#endif
