/* test_my_op.c - the result at known points, and the gradient against finite differences. Needs no
 * kappa. */
#include "my_op.c"

#include <stdio.h>

enum { COUNT = 7 };

static int failures;

static void expect(const char *what, double got, double wanted, double tolerance)
{
    if (fabs(got - wanted) <= tolerance)
        return;
    printf("FAILED: %s: %.9g, wanted %.9g\n", what, got, wanted);
    failures++;
}

static void forward(const struct my_op_options *self, const double *x, double *y)
{
    struct kp_op_call_double call = {.size = sizeof(call),
                                     .examples = 1,
                                     .in = {{x, 1, COUNT, COUNT}},
                                     .y = {y, 1, COUNT, COUNT}};

    my_op_forward_double(self, &call);
}

static void backward(const struct my_op_options *self, const double *x, const double *dy,
                     double *dx)
{
    struct kp_op_call_double call = {.size = sizeof(call),
                                     .examples = 1,
                                     .in = {{x, 1, COUNT, COUNT}},
                                     .dy = {dy, 1, COUNT, COUNT},
                                     .grad = {{dx, 1, COUNT, COUNT}}};

    my_op_backward_double(self, &call);
}

int main(void)
{
    const struct my_op_options self = {.beta = 1.5};
    const double x[COUNT] = {-30, -2, -0.5, 0, 0.7, 3, 30}, step = 1e-5;
    const double dy[COUNT] = {1, 2, -1, 0.5, 3, 1, 1};
    double y[COUNT], dx[COUNT], above[COUNT], below[COUNT], up[COUNT], down[COUNT];

    forward(&self, x, y);
    expect("far below 0", y[0], 0, 1e-12);
    expect("at 0", y[3], 0, 0);
    expect("far above 0", y[6], 30, 1e-12);

    for (int i = 0; i < COUNT; i++) {
        up[i] = x[i] + step;
        down[i] = x[i] - step;
    }
    forward(&self, up, above);
    forward(&self, down, below);
    backward(&self, x, dy, dx);
    for (int i = 0; i < COUNT; i++)
        expect("the gradient", dx[i], dy[i] * (above[i] - below[i]) / (2 * step), 1e-8);
    printf("%s\n", failures ? "failed" : "passed");
    return failures > 0;
}
