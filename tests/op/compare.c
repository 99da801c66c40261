/* compare.c - a device against the reference. */
#include "check.h"
#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_POISON 1.5e30f

/* One run over memory full of `poison`; *out is allocated, result_words numbers. */
static enum kp_status run_once(struct op_instance *x, float poison, float **out, struct kp_error *e)
{
    enum kp_status st = op_instance_fill(x, poison, e);
    float *results = calloc((size_t)x->result_words + 1, sizeof(*results));
    if (!results)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        st = op_instance_run(x, e);
    if (st == KP_OK)
        st = op_instance_results(x, poison, results, e);
    if (st != KP_OK) {
        free(results);
        return st;
    }
    *out = results;
    return KP_OK;
}

/* precision.h: the cpu device rounds operands, never results. */
static bool keeps_results(const struct op_instance *x)
{
    return strcmp(x->device->ops->name, "cpu") == 0;
}

static enum kp_status check_result(const struct op_result *r, bool exact, int index,
                                   const float *got, const float *want, int64_t words,
                                   struct kp_error *e)
{
    double scale = r->floor;
    for (int64_t i = 0; i < words; i++)
        scale = fmax(scale, fabs((double)want[i]));
    double ulps = r->ulps + (r->rounded && !exact ? OP_ROUNDED_ULPS : 0);
    double allowed = ulps * 0x1p-24 * scale;
    for (int64_t i = 0; i < words; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= allowed))
            return kp_fail(
                e, KP_E_NUMERIC, "result %d [%lld of %lld] is %.9g, must be %.9g +- %.3g", index,
                (long long)i, (long long)words, (double)got[i], (double)want[i], allowed);
    return KP_OK;
}

static enum kp_status check_results(const struct op_instance *x, const float *got,
                                    const float *want, struct kp_error *e)
{
    for (int i = 0; i < x->graph.result_count; i++) {
        const struct op_result *r = &x->graph.results[i];
        int64_t words = op_result_words(x, r);
        enum kp_status st = check_result(r, keeps_results(x), i, got, want, words, e);
        if (st != KP_OK)
            return st;
        got += words;
        want += words;
    }
    return KP_OK;
}

static enum kp_status check_bits(const struct op_instance *x, const float *a, const float *b,
                                 const char *what, struct kp_error *e)
{
    for (int64_t i = 0; i < x->result_words; i++)
        if (memcmp(&a[i], &b[i], sizeof(*a)) != 0)
            return kp_fail(e, KP_E_NUMERIC, "number %lld is %.9g %s, was %.9g", (long long)i,
                           (double)b[i], what, (double)a[i]);
    return KP_OK;
}

static enum kp_status compare_part(const struct op_devices *d, const struct op_case *c,
                                   unsigned part, struct kp_error *e)
{
    struct op_instance ref = {0}, one = {0}, two = {0};
    float *want = NULL, *first = NULL, *again = NULL, *threads = NULL;
    enum kp_status st;

    if ((st = op_instance_init(&ref, d->ref, c, part, e)) != KP_OK ||
        (st = run_once(&ref, NAN, &want, e)) != KP_OK) {
        (void)kp_fail_in(e, "ref");
        goto out;
    }
    if ((st = op_instance_init(&one, d->one, c, part, e)) != KP_OK ||
        (st = run_once(&one, NAN, &first, e)) != KP_OK ||
        (st = check_results(&one, first, want, e)) != KP_OK ||
        (st = run_once(&one, LARGE_POISON, &again, e)) != KP_OK ||
        (st = check_bits(&one, first, again, "in the second run", e)) != KP_OK)
        goto out;
    if ((st = op_instance_init(&two, d->two, c, part, e)) != KP_OK ||
        (st = run_once(&two, LARGE_POISON, &threads, e)) != KP_OK ||
        (st = check_bits(&two, first, threads, "with two threads", e)) != KP_OK)
        goto out;
out:
    free(want);
    free(first);
    free(again);
    free(threads);
    op_instance_finish(&ref);
    op_instance_finish(&one);
    op_instance_finish(&two);
    return st;
}

void op_compare(const struct op_devices *d, const struct op_case *c, struct op_report *r)
{
    unsigned parts = op_case_parts(c);
    for (unsigned part = PART_FORWARD; part <= PART_GRAD_W; part *= 2) {
        char name[256];
        struct kp_error e = {0};
        if (!(parts & part))
            continue;
        op_case_name(c, part, name, sizeof(name));
        (void)compare_part(d, c, part, &e);
        op_report_add(r, name, &e);
    }
}
