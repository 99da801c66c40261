/* statistics.c - Student's t distribution. */
#include "store/statistics.h"

#include <float.h>
#include <math.h>

static const double not_a_number = (double)NAN;

/* The continued fraction of the incomplete beta function, by Lentz's method; converges fast for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    double f;

    d = 1.0 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
    f = d;
    for (int i = 1; i <= 1000; i++) {
        double m = (double)i;
        double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));

        for (int k = 0; k < 2; k++) {
            double term = k == 0 ? even : odd;
            d = 1.0 + term * d;
            d = 1.0 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
            c = 1.0 + term / c;
            c = fabs(c) < DBL_MIN ? DBL_MIN : c;
            f *= c * d;
        }
        if (fabs(c * d - 1.0) < 4.0 * DBL_EPSILON)
            break;
    }
    return f;
}

/* I_x(a, b), with y = 1 - x given so that it keeps its digits. */
static double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0.0)
        return 0.0;
    if (y <= 0.0)
        return 1.0;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    if (x < (a + 1.0) / (a + b + 2.0))
        return front * beta_fraction(a, b, x) / a;
    return 1.0 - front * beta_fraction(b, a, y) / b;
}

double kp_t_tail(double t, double freedom)
{
    if (isnan(t) || !(freedom > 0.0) || isinf(freedom))
        return not_a_number;
    double square = t * t;
    double half = 0.5 * incomplete_beta(0.5 * freedom, 0.5,
                                        isinf(square) ? 0.0 : freedom / (freedom + square),
                                        isinf(square) ? 1.0 : square / (freedom + square));
    return t >= 0.0 ? half : 1.0 - half;
}

double kp_t_quantile(double p, double freedom)
{
    double low = 0.0, high = 1.0;

    if (!(p > 0.0 && p < 1.0) || !(freedom > 0.0) || isinf(freedom))
        return not_a_number;
    if (p < 0.5)
        return -kp_t_quantile(1.0 - p, freedom);
    while (kp_t_tail(high, freedom) > 1.0 - p && high < 1e300)
        high *= 2.0;
    /* Halving ends when no number lies between. */
    for (;;) {
        double middle = low + 0.5 * (high - low);
        if (middle <= low || middle >= high)
            return high;
        if (kp_t_tail(middle, freedom) > 1.0 - p)
            low = middle;
        else
            high = middle;
    }
}

double kp_t_test(double n, double mean, double sd, double bound)
{
    if (!(n >= 2.0) || !(sd >= 0.0) || isnan(mean) || isnan(bound))
        return not_a_number;
    if (sd == 0.0)
        return mean > bound ? 0.0 : 1.0;
    return kp_t_tail((mean - bound) / (sd / sqrt(n)), n - 1.0);
}
