/* test_views.c - the views against direct computation, the schema and fixed queries against
 * tests/golden. KAPPA_GOLDEN=write replaces the golden files. */
#include "store_fixture.h"

#include "base/file.h"

#include <sqlite3.h>

#define KAPPAS 3
#define SEEDS  3

static const double kappas[KAPPAS] = {0.02, 0.1, 1.0};
static const int64_t seeds[SEEDS] = {11, 13, 21};

/* Made-up results: some number that depends on all its arguments. */
static double made_up(const struct fixture_run *r, int metric)
{
    double tau = isnan(r->tau) ? 0.0 : r->tau;
    double v = 40.0 + 20.0 * r->kappa + 3.0 * sin((double)r->seed + 10.0 * r->kappa) +
               (tau > 0.0 ? 2.0 + 0.3 * cos(tau + 7.0 * (double)r->seed) : 0.0) +
               (r->variant ? 1.0 : 0.0);

    return metric == 0 ? v : 100.0 / v;
}

static void finish_run(struct kp_store *s, const struct fixture_run *r, enum kp_run_status status,
                       double accuracy, double kl)
{
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];

    assert_ok(fixture_begin(s, r, -1, uid, &e), e);
    const struct kp_result_row results[] = {
        {"test", "test/accuracy", r->kappa, 640, 10, accuracy},
        {"test", "test/kl", r->kappa, 640, 10, kl},
    };
    kp_store_progress(s, uid, 10, 10, 640);
    assert_ok(kp_store_end_run(s, uid, status, status == KP_RUN_FAILED ? "NaN" : NULL, results, 2,
                               NULL, 0, &e),
              e);
}

static void add_run(struct kp_store *s, struct fixture_run r)
{
    finish_run(s, &r, KP_RUN_DONE, made_up(&r, 0), made_up(&r, 1));
}

/* Teacher, lt, kd at two temperatures, for all seeds; a second kd configuration that differs in a
 * setting without a column, for one seed; runs that must not count. */
static void fill(void)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char teacher[KP_UID_SIZE];
    const struct fixture_run t = {"lt", 1.0, FIXTURE_NAN, 7, NULL, "teacher"};

    fixture_metrics(s);
    assert_ok(fixture_begin(s, &t, -1, teacher, &e), e);
    assert_ok(kp_store_end_run(s, teacher, KP_RUN_DONE, NULL, NULL, 0, NULL, 0, &e), e);
    for (int k = 0; k < KAPPAS; k++) {
        for (int i = 0; i < SEEDS; i++) {
            add_run(s, (struct fixture_run){"lt", kappas[k], FIXTURE_NAN, seeds[i], NULL, NULL});
            add_run(s, (struct fixture_run){"kd", kappas[k], 1.0, seeds[i], teacher, NULL});
            add_run(s, (struct fixture_run){"kd", kappas[k], 20.0, seeds[i], teacher, NULL});
        }
    }
    add_run(s, (struct fixture_run){"kd", 0.1, 20.0, 11, teacher, "label_weight"});
    add_run(s, (struct fixture_run){"kd", 0.1, 20.0, 33, teacher, NULL}); /* no lt beside it */
    const struct fixture_run failed_lt = {"lt", 0.1, FIXTURE_NAN, 33, NULL, NULL};
    finish_run(s, &failed_lt, KP_RUN_FAILED, 99.0, 99.0);
    const struct fixture_run failed_kd = {"kd", 0.1, 1.0, 55, teacher, NULL};
    finish_run(s, &failed_kd, KP_RUN_FAILED, 99.0, 99.0);
    add_run(s, (struct fixture_run){"lt", 0.1, FIXTURE_NAN, 55, NULL, NULL});
    add_run(s, (struct fixture_run){"lt", 0.02, FIXTURE_NAN, 66, NULL, NULL});
    const struct fixture_run no_kl = {"kd", 0.02, 1.0, 66, teacher, NULL}; /* accuracy only */
    finish_run(s, &no_kl, KP_RUN_DONE, made_up(&no_kl, 0), FIXTURE_NAN);
    fixture_close(s);
}

static double mean(const double *v, int n)
{
    double sum = 0.0;

    for (int i = 0; i < n; i++)
        sum += v[i];
    return sum / n;
}

static double sd(const double *v, int n)
{
    double m = mean(v, n), sum = 0.0;

    for (int i = 0; i < n; i++)
        sum += (v[i] - m) * (v[i] - m);
    return sqrt(sum / (n - 1));
}

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * (1.0 + fabs(want))))
        fail_msg("%.17g, want %.17g", got, want);
}

/* The numbers of a CSV answer with one row after its header. */
static void numbers(const char *sql, double *v, int n)
{
    char *text = fixture_ask(sql), *at = strchr(text, '\n');

    assert_non_null(at);
    for (int i = 0; i < n; i++) {
        assert_true(at && at[1]);
        v[i] = strtod(at + 1, &at);
    }
    assert_string_equal(at, "\n");
    free(text);
}

static void test_pi_against_direct_computation(void **state)
{
    char sql[512];

    (void)state;
    fill();
    for (int k = 0; k < KAPPAS; k++) {
        for (int metric = 0; metric < 2; metric++) {
            double lt[4], kd[4], pi[4], pg[4], got[7];
            int n = kappas[k] == 0.02 && metric == 0 ? 4 : 3;
            for (int i = 0; i < n; i++) {
                struct fixture_run r = {"lt", kappas[k], FIXTURE_NAN, i < 3 ? seeds[i] : 66,
                                        NULL, NULL};
                lt[i] = made_up(&r, metric);
                r.tau = 1.0;
                kd[i] = made_up(&r, metric);
                pi[i] = metric == 0 ? kd[i] - lt[i] : lt[i] - kd[i];
                pg[i] = metric == 0 ? kd[i] / lt[i] : lt[i] / kd[i];
            }
            (void)snprintf(sql, sizeof sql,
                           "SELECT n, lt_mean, value_mean, pi_mean, pi_sd, pi_se, pg_mean FROM "
                           "v_pi WHERE kappa = %.17g AND tau = 1 AND metric = '%s'",
                           kappas[k], metric == 0 ? "test/accuracy" : "test/kl");
            numbers(sql, got, 7);
            assert_near(got[0], n);
            assert_near(got[1], mean(lt, n));
            assert_near(got[2], mean(kd, n));
            assert_near(got[3], mean(pi, n));
            assert_near(got[4], sd(pi, n));
            assert_near(got[5], sd(pi, n) / sqrt(n));
            assert_near(got[6], mean(pg, n));
            assert_true(got[3] > 0.0 && got[6] > 1.0); /* better in both metrics */
        }
    }
}

static void test_groups(void **state)
{
    double v[4], got[3];

    (void)state;
    fill();
    for (int i = 0; i < 4; i++) { /* lt at kappa 0.02 has one seed more */
        const struct fixture_run r = {"lt", 0.02, FIXTURE_NAN, i < 3 ? seeds[i] : 66, NULL, NULL};
        v[i] = made_up(&r, 0);
    }
    numbers("SELECT n, mean, sd FROM v_group WHERE objective = 'lt' AND kappa = 0.02 AND metric = "
            "'test/accuracy'",
            got, 3);
    assert_near(got[0], 4);
    assert_near(got[1], mean(v, 4));
    assert_near(got[2], sd(v, 4));
    /* One seed: no spread, but no error either. */
    fixture_expect("SELECT n, pi_sd IS NULL AS none, pi_se IS NULL AS none2 FROM v_pi WHERE "
                   "n = 1 AND metric = 'test/accuracy'",
                   "n,none,none2\n1,1,1\n");
}

static void test_equal_values_have_no_spread(void **state)
{
    struct kp_store *s = fixture_open();

    (void)state;
    fixture_metrics(s);
    for (int i = 0; i < SEEDS; i++) {
        const struct fixture_run lt = {"lt", 0.1, FIXTURE_NAN, seeds[i], NULL, NULL};
        const struct fixture_run kd = {"kd", 0.1, 1.0, seeds[i], NULL, NULL};
        finish_run(s, &lt, KP_RUN_DONE, 0.1, 0.0);
        finish_run(s, &kd, KP_RUN_DONE, 0.3, 0.0);
    }
    fixture_close(s);
    fixture_expect("SELECT n, pi_sd, pi_se FROM v_pi WHERE metric = 'test/accuracy'",
                   "n,pi_sd,pi_se\n3,0,0\n");
    /* 0 / 0 has no gain. */
    fixture_expect("SELECT pi_mean, pg_mean FROM v_pi WHERE metric = 'test/kl'",
                   "pi_mean,pg_mean\n0,\n");
}

/* One curve read at several kappas: each is compared with the same kappa of lt, and v_run shows the
 * largest. */
static void test_several_kappas(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];

    (void)state;
    fixture_metrics(s);
    for (int i = 0; i < 2; i++) {
        const struct fixture_run r = {i ? "kd" : "lt", 1.0, i ? 1.0 : FIXTURE_NAN, 11, NULL, NULL};
        const struct kp_result_row results[] = {
            {"test", "test/accuracy", 1.0, 640, 10, 50.0 + 3 * i},
            {"test", "test/accuracy", 0.1, 64, 1, 30.0 + 7 * i},
            {"test", "test/accuracy", 0.5 + 0.1 * i, 320, 5, 40.0}, /* not in both */
        };
        assert_ok(fixture_begin(s, &r, -1, uid, &e), e);
        assert_ok(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, results, 3, NULL, 0, &e), e);
    }
    fixture_close(s);
    fixture_expect("SELECT kappa, n, lt_mean, pi_mean FROM v_pi ORDER BY kappa",
                   "kappa,n,lt_mean,pi_mean\n0.1,1,30,7\n1,1,50,3\n");
    fixture_expect("SELECT test_accuracy FROM v_run ORDER BY 1", "test_accuracy\n50\n53\n");
}

/* Curves of the gain over kappa, told apart by their temperature; 0: not measured there. */
static void test_kappa_star(void **state)
{
    static const double at[] = {0.1, 1.0, 10.0, 100.0};
    static const double gain[][4] = {
        {1.2, 1.1, 0.9, 0.8}, {1.2, 1.1, 1.05, 1.0}, {0.9, 0.8, 0.99, 0.7}, {0.9, 0.95, 1.1, 1.2},
        {0, 1.1, 0, 0},       {1.1, 0.9, 1.3, 0.7},  {1.0, 0.5, 0, 0},
    };
    struct kp_store *s = fixture_open();

    (void)state;
    fixture_metrics(s);
    for (int k = 0; k < 4; k++) {
        const struct fixture_run lt = {"lt", at[k], FIXTURE_NAN, 11, NULL, NULL};
        finish_run(s, &lt, KP_RUN_DONE, 50.0, 0.5);
        for (size_t i = 0; i < sizeof gain / sizeof gain[0]; i++) {
            const struct fixture_run kd = {"kd", at[k], 1.0 + (double)i, 11, NULL, NULL};
            if (gain[i][k] > 0.0)
                finish_run(s, &kd, KP_RUN_DONE, 50.0 * gain[i][k], 0.5 / gain[i][k]);
        }
    }
    for (int i = 0; i < 2; i++) { /* they differ in a setting without a column */
        const struct fixture_run kd = {"kd", at[2 * i], 99.0, 11, NULL, NULL};
        const struct fixture_run like = {"kd", 0.1, 99.0, 11, NULL, "label_weight"};
        finish_run(s, &kd, KP_RUN_DONE, i ? 40.0 : 60.0, 0.5);
        if (i == 0)
            finish_run(s, &like, KP_RUN_DONE, 61.0, 0.5);
    }
    fixture_close(s);
    for (int metric = 0; metric < 2; metric++) {
        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       "SELECT tau, n, kappas, round(kappa_star, 12) AS star, why "
                       "FROM v_kappa_star WHERE metric = '%s' AND tau < 99 ORDER BY tau",
                       metric == 0 ? "test/accuracy" : "test/kl");
        fixture_expect(sql, "tau,n,kappas,star,why\n"
                            "1,1,4,3.162277660168,\n" /* half way from 1 to 10 */
                            "2,1,4,,gains at every kappa\n"
                            "3,1,4,,gains at no kappa\n"
                            "4,1,4,,crosses upwards only\n"
                            "5,1,1,,one kappa is no curve\n"
                            "6,1,4,0.316227766017,\n" /* the first of two */
                            "7,1,2,0.1,\n");
    }
    fixture_expect("SELECT kappas, kappa_star, why LIKE '%v_pi has both' AS told FROM v_kappa_star "
                   "WHERE tau = 99 AND metric = 'test/accuracy'",
                   "kappas,kappa_star,told\n3,,1\n");
}

/* The text without comments, runs of white space as one space. */
static char *plain(const char *sql)
{
    char *out = malloc(strlen(sql) + 1), *to = out;

    assert_non_null(out);
    for (const char *c = sql; *c; c++) {
        if (c[0] == '-' && c[1] == '-') {
            c += strcspn(c, "\n");
            if (!*c)
                break;
        }
        if (*c != ' ' && *c != '\n')
            *to++ = *c;
        else if (to > out && to[-1] != ' ')
            *to++ = ' ';
    }
    *to = '\0';
    return out;
}

static char *read_golden(const char *name, char path[512])
{
    uint8_t *bytes = NULL;
    size_t size;
    struct kp_error e = {0};

    (void)snprintf(path, 512, KP_SOURCE_ROOT "/tests/golden/%s", name);
    assert_ok(kp_file_read(path, 1 << 20, &bytes, &size, &e), e);
    return (char *)bytes;
}

static void compare_golden(const char *name, const char *got)
{
    char path[512];
    const char *wish = getenv("KAPPA_GOLDEN");

    if (wish && strcmp(wish, "write") == 0) {
        (void)snprintf(path, sizeof path, KP_SOURCE_ROOT "/tests/golden/%s", name);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(got, f) >= 0);
        assert_int_equal(fclose(f), 0);
        return;
    }
    char *want = read_golden(name, path);
    size_t same = 0;
    while (got[same] && got[same] == want[same])
        same++;
    if (got[same] || want[same])
        fail_msg("%s differs from byte %zu on; here:\n%.400s", path, same,
                 got + (same > 60 ? same - 60 : 0));
    free(want);
}

/* A change of the schema's meaning needs a new user_version and a migration from the last one. */
static void test_golden_schema(void **state)
{
    struct kp_text all = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;

    (void)state;
    fixture_close(fixture_open());
    assert_int_equal(sqlite3_open(fixture_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL "
                                        "ORDER BY type, name",
                                        -1, &q, NULL),
                     SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) {
        char *line = plain((const char *)sqlite3_column_text(q, 0));
        kp_text_addf(&all, "%s\n", line);
        free(line);
    }
    assert_int_equal(sqlite3_finalize(q), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_false(all.failed);
    compare_golden("schema.txt", all.s);
    kp_text_finish(&all);
}

/* queries.txt: "> " and a query, then its table, then an empty line. */
static void test_golden_queries(void **state)
{
    char path[512], *golden = read_golden("queries.txt", path), *line = golden;
    struct kp_text all = {0};
    struct kp_error e = {0};

    (void)state;
    fill();
    while (line) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (strncmp(line, "> ", 2) == 0) {
            kp_text_addf(&all, "%s\n", line);
            assert_ok(kp_query_run(fixture_path, line + 2, KP_QUERY_TABLE, &all, &e), e);
            kp_text_add(&all, "\n");
        }
        line = end ? end + 1 : NULL;
    }
    assert_false(all.failed);
    compare_golden("queries.txt", all.s);
    kp_text_finish(&all);
    free(golden);
}

/* Curves of two students of one teacher, and an lt run that was compared with two teachers at each
 * kappa: its value is that of the same teacher and kappa. */
static void test_pairs_along_a_curve(void **state)
{
    static const double at[] = {0.02, 0.1};
    const struct fixture_run first = {"lt", 1.0, FIXTURE_NAN, 7, NULL, "teacher"};
    const struct fixture_run second = {"lt", 1.0, FIXTURE_NAN, 8, NULL, "teacher"};
    struct fixture_run lt = {"lt", 0.1, FIXTURE_NAN, 11, NULL, NULL};
    struct fixture_run kd = {"kd", 0.1, 1.0, 11, NULL, NULL};
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char teacher[2][KP_UID_SIZE], uid[KP_UID_SIZE];

    (void)state;
    fixture_metrics(s);
    assert_ok(fixture_begin(s, &first, -1, teacher[0], &e), e);
    assert_ok(fixture_begin(s, &second, -1, teacher[1], &e), e);
    kd.teacher_uid = teacher[1];
    for (int kind = 0; kind < 2; kind++) {
        struct kp_result_row results[2];
        struct kp_pairwise_row pairs[4];
        int count = 0;

        assert_ok(fixture_begin(s, kind ? &kd : &lt, -1, uid, &e), e);
        for (int k = 0; k < 2; k++) {
            results[k] =
                (struct kp_result_row){"test", "test/kl", at[k], 1, 1, kind ? 0.5 : 1.0 + k};
            for (int t = kind; t < 2; t++)
                pairs[count++] = (struct kp_pairwise_row){
                    teacher[t], "test/kl", "test", "", 10, at[k], kind ? 0.5 : 1.0 + k + 10 * t};
        }
        assert_ok(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, results, 2, pairs, count, &e), e);
    }
    fixture_close(s);
    fixture_expect("SELECT kappa, lt, value, pi FROM v_pair",
                   "kappa,lt,value,pi\n0.02,11,0.5,10.5\n0.1,12,0.5,11.5\n");
    fixture_expect("SELECT count(*) AS n, min(kappa) AS low, max(kappa_a) AS high FROM v_pairwise",
                   "n,low,high\n6,0.02,0.1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pi_against_direct_computation),
        TEST(test_groups),
        TEST(test_equal_values_have_no_spread),
        TEST(test_several_kappas),
        TEST(test_pairs_along_a_curve),
        TEST(test_kappa_star),
        TEST(test_golden_schema),
        TEST(test_golden_queries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
