/* bench.c - time of each part of a case. */
#include "check.h"
#include "harness.h"

#include "base/clock.h"

#include <stdio.h>

#define BENCH_SECONDS 0.3
#define BENCH_RUNS    5

/* The fastest of at least BENCH_RUNS runs over BENCH_SECONDS. */
static enum kp_status fastest(struct op_instance *x, double *seconds, struct kp_error *e)
{
    enum kp_status st = op_instance_fill(x, 0, e);
    double best = 0, begin = kp_clock_monotonic();
    for (int i = 0; st == KP_OK; i++) {
        double start = kp_clock_monotonic();
        st = op_instance_run(x, e);
        double now = kp_clock_monotonic();
        if (i == 0 || now - start < best)
            best = now - start;
        if (i >= BENCH_RUNS && now - begin > BENCH_SECONDS)
            break;
    }
    *seconds = best;
    return st;
}

void op_bench(struct kp_device *d, const struct op_case *c)
{
    struct op_case large = *c;
    large.capacity = large.rows = c->bench;
    unsigned parts = op_case_parts(c);
    for (unsigned part = PART_FORWARD; c->bench > 0 && part <= PART_GRAD_W; part *= 2) {
        struct op_instance x = {0};
        struct kp_error e = {0};
        char name[256];
        double seconds = 0;
        if (!(parts & part))
            continue;
        op_case_name(&large, part, name, sizeof(name));
        enum kp_status st = op_instance_init(&x, d, &large, part, &e);
        if (st == KP_OK)
            st = fastest(&x, &seconds, &e);
        if (st == KP_OK)
            (void)printf("%10.1f us %8.2f GFLOP/s  %s\n", seconds * 1e6,
                         x.graph.flops / seconds * 1e-9, name);
        else
            (void)printf("%10s    %8s          %s: %s\n", "-", "-", name, e.text);
        op_instance_finish(&x);
    }
}
