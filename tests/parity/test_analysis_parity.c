/* test_analysis_parity.c - analysis plugins on made-up features, logits and gradients, against
 * numpy in fp64 and scikit-learn (make_analysis_fixtures.py). */
#include "analysis_host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
        fail_msg("%.17g where %.17g is right", got, want);
}

static void test_cka(void **state)
{
    const char *unit[] = {"n=60", NULL}, *raw[] = {"n=60", "normalise_rows=false", NULL};
    const char *unbiased[] = {"n=60", "estimator=unbiased", NULL}, *many[] = {"n=61", NULL};

    (void)state;
    analysis_compare("in.a", "in.b");
    analysis_run("cka", unit);
    assert_near(analysis_emitted("cka"), *analysis_expected("out.cka.unit"), 1e-12);
    analysis_run("cka", raw);
    assert_near(analysis_emitted("cka"), *analysis_expected("out.cka.raw"), 1e-12);
    analysis_run("cka", unbiased);
    assert_near(analysis_emitted("cka"), *analysis_expected("out.cka.unbiased"), 1e-12);
    analysis_compare("in.a", "in.c");
    analysis_run("cka", unit);
    assert_near(analysis_emitted("cka"), *analysis_expected("out.cka.widths"), 1e-12);
    analysis_run("cka", unbiased);
    assert_near(analysis_emitted("cka"), *analysis_expected("out.cka.widths_unbiased"), 1e-12);
    analysis_run("cka", many);
    assert_int_equal(analysis_host.emitted, 0);
    assert_string_equal(analysis_host.absent, "there are 60 examples, 61 are wanted");
}

/* Rows weighted by the inverse frequency of their labels. */
static void test_weighted_cka(void **state)
{
    const char *both[] = {"n=60", "normalise_rows=false", "weight=both", NULL};
    const char *unit[] = {"n=60", "weight=inverse_frequency", NULL};
    const char *unbiased[] = {"n=60", "normalise_rows=false", "weight=both", "estimator=unbiased",
                              NULL};

    (void)state;
    analysis_compare("in.a", "in.b");
    analysis_run("cka", both);
    assert_int_equal(analysis_host.emitted, 2);
    assert_near(analysis_emitted("cka"), *analysis_expected("out.cka.raw"), 1e-12);
    assert_string_equal(analysis_estimator("cka"), "biased");
    assert_near(analysis_emitted("cka_weighted"), *analysis_expected("out.cka.weighted"), 1e-12);
    assert_string_equal(analysis_estimator("cka_weighted"), "biased freq");
    analysis_run("cka", unit);
    assert_int_equal(analysis_host.emitted, 1);
    assert_near(analysis_emitted("cka_weighted"), *analysis_expected("out.cka.weighted_unit"),
                1e-12);
    assert_string_equal(analysis_estimator("cka_weighted"), "biased freq, unit rows");
    analysis_run("cka", unbiased);
    assert_near(analysis_emitted("cka_weighted"), *analysis_expected("out.cka.weighted_unbiased"),
                1e-12);
    analysis_host.unlabelled = true;
    analysis_run("cka", both);
    analysis_host.unlabelled = false;
    assert_int_equal(analysis_host.emitted, 1);
    assert_string_equal(analysis_host.absent,
                        "1 of 60 examples have no label, which has no frequency");
}

static void test_feature_alignment(void **state)
{
    const char *raw[] = {"normalise_rows=false", NULL};

    (void)state;
    analysis_compare("in.a", "in.b");
    analysis_run("feature_alignment", NULL);
    assert_near(analysis_emitted("feature_alignment"), *analysis_expected("out.fa.unit"), 1e-12);
    analysis_run("feature_alignment", raw);
    assert_near(analysis_emitted("feature_alignment"), *analysis_expected("out.fa.raw"), 1e-12);
    analysis_compare("in.a", "in.c");
    analysis_run("feature_alignment", NULL);
    assert_int_equal(analysis_host.emitted, 0);
    assert_string_equal(analysis_host.absent, "the features have different widths: 9 and 6");
}

static void test_parameter_distance(void **state)
{
    const float *u, *v;
    double apart = 0, length = 0;

    (void)state;
    analysis_compare("in.a", "in.b");
    analysis_host.facts[0].params = ANALYSIS_ROWS * analysis_host.width[0];
    u = analysis_host.features[0];
    v = analysis_host.features[1];
    for (int64_t i = 0; i < analysis_host.facts[0].params; i++) {
        apart += pow((double)u[i] - (double)v[i], 2);
        length += pow((double)v[i], 2);
    }
    analysis_run("parameter_distance", NULL);
    assert_near(analysis_emitted("parameter_distance"), sqrt(apart), 1e-12);
    assert_near(analysis_emitted("relative_parameter_distance"), sqrt(apart / length), 1e-12);
    analysis_compare("in.a", "in.c");
    analysis_run("parameter_distance", NULL);
    assert_int_equal(analysis_host.emitted, 0);
    assert_string_equal(analysis_host.absent,
                        "the architectures differ: parameter weight (60, 9) beside weight (60, 6)");
}

static void test_ntk(void **state)
{
    const char *trace[] = {"n=60", NULL}, *pseudo[] = {"n=60", "mode=pseudo", NULL};

    (void)state;
    analysis_compare("in.a", "in.b");
    analysis_run("ntk", trace);
    assert_near(analysis_emitted("ntk_cka"), *analysis_expected("out.ntk.trace"), 1e-12);
    analysis_run("ntk", pseudo);
    /* The sum over logits is rounded to single precision. */
    assert_near(analysis_emitted("ntk_cka"), *analysis_expected("out.ntk.pseudo"), 1e-6);
}

/* Both stop at the same rule; between the last iterations the two solvers' paths differ. */
static void test_probe(void **state)
{
    const char *tight[] = {"tolerance=1e-9", "iterations=10000", NULL};
    const double *usual = analysis_expected("out.probe.default"),
                 *far = analysis_expected("out.probe.tight");

    (void)state;
    analysis_compare("in.a", "in.b");
    analysis_run("linear_probe", NULL);
    assert_near(analysis_emitted("probe_accuracy"), usual[0], 1e-12);
    assert_near(analysis_emitted("probe_fit"), usual[1], 1e-12);
    analysis_run("linear_probe", tight);
    assert_near(analysis_emitted("probe_accuracy"), far[0], 1e-12);
    assert_near(analysis_emitted("probe_fit"), far[1], 1e-12);
    assert_near(analysis_emitted("probe_loss"), far[2] / ANALYSIS_ROWS, 1e-12);
    assert_true(analysis_emitted("probe_converged") == 1);
}

static void test_probe_stops(void **state)
{
    const char *few[] = {"tolerance=1e-9", "iterations=3", NULL};

    (void)state;
    analysis_compare("in.a", "in.b");
    analysis_run("linear_probe", few);
    assert_true(analysis_emitted("probe_converged") == 0);
    assert_true(analysis_emitted("probe_iterations") == 3);
}

static void test_knn(void **state)
{
    static const char *const neighbours[] = {"k=1", "k=5", "k=20"};
    static const char *const distances[2][2] = {{"distance=cosine", "out.knn.cosine"},
                                                {"distance=euclidean", "out.knn.euclidean"}};

    (void)state;
    analysis_compare("in.a", "in.b");
    for (int d = 0; d < 2; d++)
        for (int k = 0; k < 3; k++) {
            const char *options[] = {neighbours[k], distances[d][0], NULL};
            analysis_run("knn", options);
            assert_near(analysis_emitted("knn_accuracy"), analysis_expected(distances[d][1])[k],
                        1e-12);
        }
    analysis_run("knn", (const char *const[]){"k=61", NULL});
    assert_int_equal(analysis_host.emitted, 0);
    assert_non_null(strstr(analysis_host.absent, "60 examples are fewer than k = 61"));
}

static void test_spectrum(void **state)
{
    static const char *const arrays[2][2] = {{"eigenvalues", "out.spectrum.raw"},
                                             {"eigenvalues_unit", "out.spectrum.unit"}};

    (void)state;
    analysis_compare("in.a", "in.b");
    for (int i = 0; i < 2; i++) {
        const double *want = analysis_expected(arrays[i][1]);
        (void)snprintf(analysis_host.array_name, sizeof(analysis_host.array_name), "%s",
                       arrays[i][0]);
        analysis_run("spectrum", NULL);
        for (int k = 0; k < 9; k++)
            assert_near(analysis_host.array[k], want[k], 1e-12);
    }
    assert_near(analysis_emitted("eigenvalue_ratio"), analysis_expected("out.spectrum.ratio")[0],
                1e-10);
    assert_near(analysis_emitted("eigenvalue_ratio_unit"),
                analysis_expected("out.spectrum.ratio")[1], 1e-10);
}

static void test_bias_variance(void **state)
{
    (void)state;
    analysis_host.nets = analysis_host.subjects = ANALYSIS_NETS;
    analysis_host.pair_count = 0;
    for (int i = 0; i < ANALYSIS_NETS; i++)
        analysis_host.facts[i] = (struct kp_net_facts){.size = sizeof(analysis_host.facts[i]),
                                                       .uid = "",
                                                       .trained_on = 10,
                                                       .pool = 50,
                                                       .subset_seed = 11 + i};
    analysis_run("bias_variance", NULL);
    assert_near(analysis_emitted("variance"), analysis_expected("out.bias_variance")[0], 1e-12);
    assert_near(analysis_emitted("bias2"), analysis_expected("out.bias_variance")[1], 1e-12);

    for (int i = 0; i < ANALYSIS_NETS; i++)
        analysis_host.facts[i].trained_on = 50;
    analysis_run("bias_variance", NULL);
    assert_int_equal(analysis_host.emitted, 0);
    assert_non_null(strstr(analysis_host.absent, "drew the whole pool of 50"));

    for (int i = 0; i < ANALYSIS_NETS; i++) {
        analysis_host.facts[i].trained_on = 10;
        analysis_host.facts[i].subset_seed = 11;
    }
    analysis_run("bias_variance", NULL);
    assert_int_equal(analysis_host.emitted, 0);
    assert_non_null(strstr(analysis_host.absent, "share seed.subset"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cka),
        cmocka_unit_test(test_weighted_cka),
        cmocka_unit_test(test_feature_alignment),
        cmocka_unit_test(test_parameter_distance),
        cmocka_unit_test(test_ntk),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_stops),
        cmocka_unit_test(test_spectrum),
        cmocka_unit_test(test_bias_variance),
        cmocka_unit_test(test_knn),
    };

    return cmocka_run_group_tests(tests, analysis_host_open, analysis_host_close);
}
