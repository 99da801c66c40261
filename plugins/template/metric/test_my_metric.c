/* test_my_metric.c - the metric's numbers on rows done by hand. Needs no kappa. */
#include "my_metric.c"

#include <stdio.h>

static int failures;

static void expect(const char *what, double got, double wanted)
{
    if (fabs(got - wanted) <= 1e-12)
        return;
    printf("FAILED: %s: %g, wanted %g\n", what, got, wanted);
    failures++;
}

int main(void)
{
    static const float logits[] = {3, 2, 1, 1, 2, 3, 2, 3, 1, 0, 0, 1};
    static const int32_t labels[] = {1, 0, 1, -1}; /* second, last, first; none */
    const struct my_metric_state self = {.k = 2};
    struct kp_rows rows = {
        .size = sizeof(rows), .count = 4, .classes = 3, .logits = logits, .labels = labels};
    double sums[MY_METRIC_SUMS] = {0}, value;

    my_metric_observe(&self, &rows, sums);
    my_metric_result(&self, sums, &value);
    expect("of three labelled rows two", value, 100.0 * 2 / 3);

    double in_parts[MY_METRIC_SUMS] = {0};
    rows.count = 1;
    my_metric_observe(&self, &rows, in_parts);
    rows = (struct kp_rows){
        .size = sizeof(rows), .count = 3, .classes = 3, .logits = logits + 3, .labels = labels + 1};
    my_metric_observe(&self, &rows, in_parts);
    expect("the first sum, in two parts", in_parts[MY_METRIC_HITS], sums[MY_METRIC_HITS]);
    expect("the second sum, in two parts", in_parts[MY_METRIC_LABELLED], sums[MY_METRIC_LABELLED]);

    double none[MY_METRIC_SUMS] = {0};
    my_metric_result(&self, none, &value);
    if (!isnan(value)) {
        printf("FAILED: a value of no rows: %g\n", value);
        failures++;
    }
    printf("%s\n", failures ? "failed" : "passed");
    return failures > 0;
}
