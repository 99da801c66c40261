/* test_my_objective.c - the loss and its gradient on one row. Needs no kappa, which would also test
 * many rows: kappa check. */
#include "my_objective.c"

#include <stdio.h>

enum { CLASSES = 4 };

/* The helpers of row.h that the objective uses, written as their documentation says. */

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;

    for (int64_t k = 0; k < n; k++)
        sum += x[k] * y[k];
    return sum;
}

static double soften(int64_t n, const double *x, double tau, double *out)
{
    double sum = 0;

    for (int64_t k = 0; k < n; k++)
        sum += exp(x[k] / tau);
    for (int64_t k = 0; k < n; k++)
        out[k] = exp(x[k] / tau) / sum;
    return log(sum);
}

static void add_cross_entropy(struct kp_row_double *row, double weight, int64_t label)
{
    double p[CLASSES], log_sum = soften(row->classes, row->logits, 1, p);

    row->loss += weight * (log_sum - row->logits[label]);
    for (int64_t k = 0; k < row->classes; k++)
        row->grad[k] += weight * (p[k] - (k == label));
}

static double loss_at(const struct my_objective_options *self, const double *z, double *grad)
{
    static const struct kp_row_fn_double fn = {
        .size = sizeof(fn), .dot = dot, .soften = soften, .add_cross_entropy = add_cross_entropy};
    double unused[CLASSES] = {0}, work[CLASSES];
    struct kp_row_double row = {.fn = &fn,
                                .classes = CLASSES,
                                .label = 1,
                                .logits = z,
                                .grad = grad ? grad : unused,
                                .work = {work}};

    my_objective_row.in_double(self, &row);
    return row.loss;
}

static int failures;

static void expect(const char *what, double got, double wanted, double tolerance)
{
    if (fabs(got - wanted) <= tolerance)
        return;
    printf("FAILED: %s: %.9g, wanted %.9g\n", what, got, wanted);
    failures++;
}

int main(void)
{
    const struct my_objective_options self = {.doubt = 0.3};
    const double even[CLASSES] = {0}, step = 1e-5;
    double z[CLASSES] = {0.3, -1.2, 0.8, 2.1}, grad[CLASSES] = {0};

    /* of equal logits both cross-entropy and entropy are log K */
    expect("the loss of equal logits", loss_at(&self, even, NULL), 0.7 * log(4), 1e-12);

    (void)loss_at(&self, z, grad);
    for (int k = 0; k < CLASSES; k++) {
        const double here = z[k];
        z[k] = here + step;
        double up = loss_at(&self, z, NULL);
        z[k] = here - step;
        double down = loss_at(&self, z, NULL);
        z[k] = here;
        expect("the gradient", grad[k], (up - down) / (2 * step), 1e-8);
    }
    printf("%s\n", failures ? "failed" : "passed");
    return failures > 0;
}
