/* report_fixture.h - a database of fixed numbers and files of queries for the tests of core/report.
 */
#ifndef KP_TEST_REPORT_FIXTURE_H
#define KP_TEST_REPORT_FIXTURE_H

#include "store_fixture.h"

#include "report/report.h"

#define REPORT_KAPPAS 3
#define REPORT_SEEDS  3

static const double report_kappas[REPORT_KAPPAS] = {0.02, 0.1, 1.0};
static const int64_t report_seeds[REPORT_SEEDS] = {11, 13, 21};

/* Accuracies of lt, and what kd adds to them: clearly at 0.02 and 0.1, not at 1. */
static const double report_lt[REPORT_KAPPAS][REPORT_SEEDS] = {
    {30.0, 31.0, 29.5}, {47.0, 48.5, 47.5}, {65.0, 66.0, 65.5}};
static const double report_gain[REPORT_KAPPAS][REPORT_SEEDS] = {
    {2.0, 2.5, 3.0}, {4.0, 4.5, 5.0}, {0.5, -0.5, 0.25}};

static inline void report_put(const char *name, const char *text)
{
    char path[512];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", fixture_folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline void report_run(struct kp_store *s, const char *teacher, const char *objective,
                              int kappa, int seed, enum kp_run_status status)
{
    const struct fixture_run r = {objective,
                                  report_kappas[kappa],
                                  strcmp(objective, "kd") == 0 ? 20.0 : FIXTURE_NAN,
                                  report_seeds[seed],
                                  strcmp(objective, "kd") == 0 ? teacher : NULL,
                                  NULL};
    double accuracy =
        report_lt[kappa][seed] + (strcmp(objective, "kd") == 0 ? report_gain[kappa][seed] : 0.0);
    const struct kp_result_row result = {"test", "test/accuracy", r.kappa, 640, 10, accuracy};
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];

    assert_ok(fixture_begin(s, &r, -1, uid, &e), e);
    if (status != KP_RUN_RUNNING)
        assert_ok(kp_store_end_run(s, uid, status,
                                   status == KP_RUN_FAILED ? "loss is NaN at step 7" : NULL,
                                   &result, status == KP_RUN_DONE, NULL, 0, &e),
                  e);
}

/* A teacher, lt and kd students at three kappas and three seeds. One kd student is absent (kappa 1,
 * seed 11), one failed (kappa 1, seed 13). */
static inline int report_setup(void **state)
{
    struct kp_store *s;
    struct kp_error e = {0};
    char teacher[KP_UID_SIZE];
    const struct fixture_run t = {"lt", 1.0, FIXTURE_NAN, 7, NULL, "teacher"};

    if (fixture_setup(state) != 0)
        return -1;
    s = fixture_open();
    fixture_metrics(s);
    assert_ok(fixture_begin(s, &t, -1, teacher, &e), e);
    assert_ok(kp_store_end_run(s, teacher, KP_RUN_DONE, NULL, NULL, 0, NULL, 0, &e), e);
    for (int k = 0; k < REPORT_KAPPAS; k++)
        for (int i = 0; i < REPORT_SEEDS; i++) {
            report_run(s, teacher, "lt", k, i, KP_RUN_DONE);
            if (k == 2 && i == 0)
                continue;
            report_run(s, teacher, "kd", k, i, k == 2 && i == 1 ? KP_RUN_FAILED : KP_RUN_DONE);
        }
    fixture_close(s);
    return 0;
}

#define REPORT_GRID                                                                            \
    "\n-- expect:\n"                                                                           \
    "SELECT o.column1 AS objective, o.column2 AS tau, k.column1 AS kappa, s.column1 AS seed\n" \
    "FROM (VALUES ('lt', NULL), ('kd', 20.0)) o, (VALUES (0.02), (0.1), (1.0)) k,\n"           \
    "    (VALUES (11), (13), (21)) s;\n"

#define REPORT_TABLE_SQL                                                              \
    "-- title: Increments\n-- kind: table\n-- split: test; nothing was selected\n"    \
    "SELECT objective, kappa, n, round(lt_mean, 2) AS lt, round(pi_mean, 2) AS pi,\n" \
    "    round(pi_sd, 2) AS sd\nFROM v_pi WHERE metric = 'test/accuracy' ORDER BY kappa;\n"

#define REPORT_CLAIM_SQL(where)                                                                   \
    "-- title: kd beats lt\n-- kind: claim\n-- statistics: PI > 0, paired t at 95 %\n"            \
    "SELECT 'kappa ' || kappa AS part, count(*) AS n, avg(pi) AS mean, round(sd(pi), 4) AS sd,\n" \
    "    0 AS bound, group_concat(seed, ' ') AS seeds,\n"                                         \
    "    t_test(count(*), avg(pi), sd(pi), 0) < 0.05 AS holds\n"                                  \
    "FROM (SELECT * FROM v_study ORDER BY seed)\nWHERE metric = 'test/accuracy' AND " where       \
    "\nGROUP BY kappa;\n"

#define REPORT_FIGURE_SQL                                                                          \
    "-- title: Accuracy's \"curve\" <&>\n-- kind: figure\n-- plot: curve.gp\n"                     \
    "-- set: key left\n-- x: kappa\n-- y: accuracy (%)\n-- split: test\n"                          \
    "SELECT objective AS series, kappa AS x, avg(mean) AS y, round(sd, 4) AS sd, n FROM v_group\n" \
    "WHERE metric = 'test/accuracy' GROUP BY objective, kappa;\n"

#define REPORT_TEMPLATE                                                                   \
    "plot for [i = 1:curves] data index (i - 1) using \"x\":\"y\":(bar(column(\"sd\"))) " \
    "with yerrorlines title series[i]\n"

/* Ask the fixture's folder about the whole database. */
static inline struct kp_report *report_ask(void)
{
    const struct kp_report_source source = {.folder = fixture_folder};
    struct kp_report *r = NULL;
    struct kp_error e = {0};

    assert_ok(kp_report_ask(fixture_path, &source, 1, &r, &e), e);
    return r;
}

#endif
