/* chunks.c - a metric gives the same however its rows are cut, and writes all its values. */
#include "conform/tests.h"
#include "conform/use_metric.h"

#include <math.h>
#include <stdlib.h>

#define TOLERANCE 1e-9
#define PATTERN   0x41 /* in every byte of what result() is to write */

static bool is_untouched(const double *value)
{
    const unsigned char *byte = (const unsigned char *)value;

    for (size_t i = 0; i < sizeof(*value); i++)
        if (byte[i] != PATTERN)
            return false;
    return true;
}

static bool near(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= TOLERANCE * (1 + fabs(b));
}

static enum kp_status compare(const char *what, const double *whole, const double *parts,
                              uint32_t count, int64_t chunk, struct kp_error *e)
{
    for (uint32_t i = 0; i < count; i++)
        if (!near(parts[i], whole[i]))
            return kp_fail(e, KP_E_NUMERIC,
                           "%s %u is %.12g of all rows at once, %.12g of pieces of %lld; observe() "
                           "adds to the sums and keeps nothing else",
                           what, (unsigned)i, whole[i], parts[i], (long long)chunk);
    return KP_OK;
}

static enum kp_status check(struct kp_used_metric *m, struct kp_error *e)
{
    static const int64_t chunks[] = {1, 5, 16};
    const uint32_t sums = m->def->sum_count, values = m->def->value_count;
    double *whole = calloc(2 * ((size_t)sums + values) + 1, sizeof(*whole));
    double *whole_values = whole + sums, *part = whole_values + values, *part_values = part + sums;
    enum kp_status st = whole ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");

    m->poison = PATTERN;
    if (st == KP_OK)
        st = kp_used_metric_observe(m, m->rows, whole, whole_values, e);
    for (uint32_t i = 0; st == KP_OK && i < values; i++)
        if (is_untouched(&whole_values[i]))
            st = kp_fail(e, KP_E_INVALID, "result() does not write value %u", (unsigned)i);
    for (size_t i = 0; st == KP_OK && i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        st = kp_used_metric_observe(m, chunks[i], part, part_values, e);
        if (st == KP_OK)
            st = compare("sum", whole, part, sums, chunks[i], e);
        if (st == KP_OK)
            st = compare("value", whole_values, part_values, values, chunks[i], e);
    }
    free(whole);
    return st;
}

enum kp_status kp_check_chunks(struct kp_trial *t, struct kp_error *e)
{
    struct kp_use u;
    void *instance = NULL;
    enum kp_status st = kp_use_first(t, "ref", &u, e);
    if (st == KP_OK)
        st = kp_use_metric.open(t, &u, &instance, e);
    if (st == KP_OK)
        st = check(instance, e);
    if (instance)
        kp_use_metric.close(instance);
    return st;
}
