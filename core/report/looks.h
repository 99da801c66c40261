/* looks.h - colours, dashes and marks of a figure's curves. */
#ifndef KP_REPORT_LOOKS_H
#define KP_REPORT_LOOKS_H

#include "report/figure.h"

struct kp_look {
    const char *name; /* of the series */
    char colour[8];   /* "#0072b2" */
    int dash;         /* of gnuplot: 1 is solid */
    int mark;         /* of gnuplot; KP_MARK_NONE: a line without points */
};

#define KP_MARK_NONE (-1)

/* One look for each series name, the same in every panel, in the order of appearance:
 *   - names that differ in nothing but their last number, three or more ("kappa 0.1"), are an
 *     ordered family: a ramp from dark to light;
 *   - "lt" is black, all others take colours that the colour-blind tell apart;
 *   - what follows ", " ("kd, probe") changes dash and mark, not the colour;
 *   - a series whose n is NULL throughout is a reference (a teacher's level, a fit): grey, dashed,
 *     without points. */
struct kp_looks {
    int64_t count;
    struct kp_look *v;
    int64_t *of_block; /* [blocks] */
};

KP_NODISCARD enum kp_status kp_looks_make(const struct kp_rowset *rows, const struct kp_blocks *b,
                                          struct kp_looks *out, struct kp_error *e);
void kp_looks_finish(struct kp_looks *l);

#endif
