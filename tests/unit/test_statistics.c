/* test_statistics.c - Student's t against known values, and the SQL functions over it. */
#include "store_fixture.h"

#include "store/statistics.h"

static int setup(void **state)
{
    struct kp_error e = {0};
    struct kp_store *s = NULL;

    if (fixture_setup(state) != 0 || kp_store_open(fixture_path, &s, &e) != KP_OK)
        return -1;
    return kp_store_close(s, &e) == KP_OK ? 0 : -1;
}

static void close_to(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want)))
        fail_msg("%.17g, wanted %.17g", got, want);
}

/* scipy.stats.t.ppf(p, df), scipy 1.17.1; for df = 1 tan(pi (p - 1/2)), for df = 2 the closed form
 * (2p - 1) / sqrt(2 p (1 - p)) say the same. */
static void test_quantile(void **state)
{
    static const struct {
        double p, freedom, want;
    } known[] = {
        {0.95, 1, 6.313751514675037},  {0.95, 2, 2.9199855803537242},
        {0.95, 4, 2.1318467863266495}, {0.95, 9, 1.833112932656237},
        {0.95, 30, 1.697260886593957}, {0.975, 4, 2.7764451051977934},
        {0.99, 2, 6.9645567342832715}, {0.5, 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double got = kp_t_quantile(known[i].p, known[i].freedom);
        if (known[i].want == 0)
            assert_true(fabs(got) < 1e-12);
        else
            close_to(got, known[i].want, 1e-12);
        assert_true(fabs(kp_t_quantile(1 - known[i].p, known[i].freedom) + got) <= 1e-9);
    }
    close_to(kp_t_quantile(0.95, 2), 0.9 / sqrt(2 * 0.95 * 0.05), 1e-13);
    assert_true(isnan(kp_t_quantile(0, 3)) && isnan(kp_t_quantile(1, 3)));
    assert_true(isnan(kp_t_quantile(0.5, 0)) && isnan(kp_t_quantile(FIXTURE_NAN, 3)));
}

/* One degree of freedom: 1/2 - atan(t) / pi. Two: 1/2 - t / (2 sqrt(2 + t^2)). */
static void test_tail(void **state)
{
    (void)state;
    for (double t = -30; t <= 30; t += 0.37) {
        close_to(kp_t_tail(t, 1), 0.5 - atan(t) / acos(-1.0), 1e-11);
        close_to(kp_t_tail(t, 2), 0.5 - t / (2 * sqrt(2 + t * t)), 1e-10);
    }
    close_to(kp_t_tail(kp_t_quantile(0.9, 7.5), 7.5), 0.1, 1e-12);
    close_to(kp_t_tail(1e8, 2), 5e-17, 1e-9);
    assert_true(kp_t_tail(FIXTURE_INF, 3) == 0 && kp_t_tail(-FIXTURE_INF, 3) == 1);
    assert_true(isnan(kp_t_tail(FIXTURE_NAN, 3)) && isnan(kp_t_tail(1, -1)));
}

/* scipy.stats.ttest_1samp([2, 3, 7], 1, alternative='greater'), scipy 1.17.1, whose t is
 * 3 / (sqrt(7) / sqrt(3)). */
static void test_test(void **state)
{
    (void)state;
    close_to(kp_t_test(3, 4, sqrt(7), 1), 0.09424866439965549, 1e-12);
    assert_true(kp_t_test(3, 4, 0, 1) == 0 && kp_t_test(3, 1, 0, 1) == 1);
    assert_true(isnan(kp_t_test(1, 4, 1, 0)) && isnan(kp_t_test(3, 4, -1, 0)));
}

static void test_functions(void **state)
{
    (void)state;
    /* Rows with a NULL are passed over; a large offset costs no digits. */
    fixture_expect("SELECT round(sd(column1), 6) AS a, round(sd(column1 + 1e9), 5) AS b, "
                   "round(corr(column1, column2), 6) AS c, round(slope(column2, column1), 6) AS d "
                   "FROM (VALUES (2, 1), (3, 2), (7, 6), (NULL, 4))",
                   "a,b,c,d\n2.645751,2.64575,1,1\n");
    fixture_expect(
        "SELECT round(corr(column1, column2), 6) AS c, round(slope(column1, column2), 6) "
        "AS d FROM (VALUES (1, 2), (2, 1), (3, 3))",
        "c,d\n0.5,0.5\n");
    fixture_expect("SELECT sd(1) AS a, corr(1, 2) AS b, slope(1, 2) AS c, sd(NULL) AS d, "
                   "t_quantile(NULL, 2) AS e, t_quantile(2, 2) AS f, t_test(1, 2, 3, 4) AS g",
                   "a,b,c,d,e,f,g\n,,,,,,\n");
    fixture_expect("SELECT corr(column1, 3) AS c, slope(3, column1) AS d FROM (VALUES (1), (2))",
                   "c,d\n,\n");
    fixture_expect("SELECT round(t_quantile(0.95, 2), 6) AS q, "
                   "round(t_test(3, 4, sqrt(7), 1), 6) AS p",
                   "q,p\n2.919986,0.094249\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_test),
        cmocka_unit_test_setup_teardown(test_functions, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
