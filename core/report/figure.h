/* figure.h - the rows of a figure as curves in panels, and as a data file for gnuplot. */
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
 * two empty lines, which is what gnuplot's `index` counts; NULL is NaN.
 *
 * A curve over rising x is interrupted, by a row of NaN, where it lacks an x that another curve of
 * its panel has, or one of the kappas of `missing` (see missing.h; NULL: x is no kappa): no line is
 * drawn over a missing cell. Not so without `gaps`: x is measured, and every curve has its own. */
void kp_figure_data(const struct kp_rowset *rows, const struct kp_blocks *b,
                    const struct kp_rowset *missing, bool gaps, struct kp_text *out);

#endif
