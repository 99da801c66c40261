/* functions.h - the SQL functions that kappa adds to SQLite's own for reading. */
#ifndef KP_STORE_FUNCTIONS_H
#define KP_STORE_FUNCTIONS_H

#include "store/database.h"

/* Rows with a NULL argument are passed over by the aggregates.
 *
 *   t_quantile(p, df)   Student's t: the value that a share p does not exceed; NULL if undefined
 *   t_test(n, mean, sd, bound)  one-sided p value of a mean above the bound; NULL for n < 2
 *   sd(x)               aggregate: standard deviation over n - 1; NULL for n < 2
 *   corr(x, y)          aggregate: Pearson's correlation; NULL for n < 2 or without spread
 *   slope(x, y)         aggregate: slope of the least-squares line y = a + slope x; NULL likewise
 *   alive(host, boot, pid, pid_start, heartbeat)  of columns of run: 1 if that process may still be
 *                       running, 0 if it is gone
 */
KP_NODISCARD enum kp_status kp_functions_add(struct kp_database *d, struct kp_error *e);

#endif
