/* statistics.h - what a statement about seeds needs: Student's t distribution. */
#ifndef KP_STORE_STATISTICS_H
#define KP_STORE_STATISTICS_H

/* Probability that a t-distributed number with `freedom` > 0 degrees of freedom exceeds t. NaN
 * outside of the domain. By the regularised incomplete beta function (Abramowitz and Stegun 1964,
 * 26.5.8 and 26.7.1); relative error below 1e-12. */
double kp_t_tail(double t, double freedom);

/* The t that a share p of the distribution does not exceed, 0 < p < 1. NaN outside of the domain.
 * One-sided critical value at 95 %: p = 0.95. */
double kp_t_quantile(double p, double freedom);

/* One-sided p value of n >= 2 numbers with this mean and standard deviation (over n - 1) for a true
 * mean above `bound`: the paired t test where the numbers are differences. Without spread 0 or 1.
 * NaN outside of the domain. */
double kp_t_test(double n, double mean, double sd, double bound);

#endif
