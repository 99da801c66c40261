/* minimise.c - L-BFGS by liblbfgs, with the stopping rule of the largest gradient element. */
#include "analyse/state.h"

#include <lbfgs.h>
#include <math.h>
#include <string.h>

struct minimisation {
    struct kp_analysing *x;
    struct kp_minimise *how;
    kp_objective_fn f;
    void *arg;
};

enum { CONVERGED = 101, STOPPED = 102 }; /* apart from what the library returns */

static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *v, lbfgsfloatval_t *g,
                                const int n, const lbfgsfloatval_t step)
{
    struct minimisation *m = instance;

    (void)step;
    return m->f(m->arg, v, g, n);
}

static bool is_flat(const double *g, int64_t n, double tolerance)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(g[i]) <= tolerance))
            return false;
    return true;
}

static int watch(void *instance, const lbfgsfloatval_t *v, const lbfgsfloatval_t *g,
                 const lbfgsfloatval_t value, const lbfgsfloatval_t norm_v,
                 const lbfgsfloatval_t norm_g, const lbfgsfloatval_t step, int n, int k, int ls)
{
    struct minimisation *m = instance;

    (void)v;
    (void)norm_v;
    (void)norm_g;
    (void)step;
    (void)ls;
    m->how->iterations = k;
    m->how->value = value;
    if (is_flat(g, n, m->how->tolerance))
        return CONVERGED;
    return kp_analysing_tell(m->x) ? 0 : STOPPED;
}

enum kp_status kp_analysis_minimise(struct kp_analysis *a, struct kp_minimise *how,
                                    kp_objective_fn f, void *arg, int64_t n, double *x)
{
    struct kp_analysing *s = kp_analysing_of(a);
    struct minimisation m = {s, how, f, arg};
    lbfgs_parameter_t parameter;
    lbfgsfloatval_t *v, value = 0;
    int result;

    if (kp_analysing_failed(s))
        return s->error->status;
    if (n < 1 || n > 1 << 24)
        return kp_fail(s->error, KP_E_INVALID, "to minimise over %lld numbers; 1 to %d",
                       (long long)n, 1 << 24);
    v = lbfgs_malloc((int)n);
    if (!v)
        return kp_fail(s->error, KP_E_NOMEM, "no memory to minimise");
    lbfgs_parameter_init(&parameter);
    parameter.m = 10;
    parameter.epsilon = 0; /* watch() decides */
    parameter.max_iterations = (int)how->max_iterations;
    parameter.max_linesearch = 50;
    memcpy(v, x, (size_t)n * sizeof(*x));
    how->iterations = 0;
    how->converged = false;
    result = lbfgs((int)n, v, &value, evaluate, watch, &m, &parameter);
    /* The start may be the minimum already. A line search that finds no lower point leaves the best
     * one so far. */
    how->converged = result == CONVERGED || result == LBFGS_ALREADY_MINIMIZED;
    how->value = value;
    if (result == LBFGSERR_OUTOFMEMORY)
        (void)kp_fail(s->error, KP_E_NOMEM, "no memory to minimise");
    memcpy(x, v, (size_t)n * sizeof(*x));
    lbfgs_free(v);
    return s->error->status;
}
