/* grid.h - the cells of a sweep as a table over its axes. */
#ifndef KP_APP_GRID_H
#define KP_APP_GRID_H

#include "study/study.h"

/* The mark of a state: done '#', running '>', begun '~', failed '!', missing '.'. */
char kp_grid_mark(enum kp_planned_state s);

/* Print the trainings among the plan's cells: a line for each combination of the settings that
 * differ among them, a column for each kappa (or, where kappa is the same, for each value of the
 * setting that has the most), and in it a mark for each seed, in the order of the sweep. *shown =
 * false, and nothing is printed, if no setting differs or if the table would have more than 24
 * columns of more than 24 marks. */
KP_NODISCARD enum kp_status kp_grid_print(const struct kp_plan *p, bool *shown, struct kp_error *e);

#endif
