/* test_analysis.c - analyses added to finished runs: no training again, results where SQL finds
 * them. */
#include "study_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct study_fixture fixture;

static int open_fixture(void **state)
{
    (void)state;
    study_fixture_open(&fixture);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    study_fixture_close(&fixture);
    return 0;
}

/* Run with overrides; what was done, found and failed. */
static struct study_watch run(const char *db, const char *const *overrides,
                              struct kp_study_result *r)
{
    struct study_watch w = {.stop_at = -1};

    assert_int_equal(study_run(&fixture, db, overrides, &w, r), KP_OK);
    return w;
}

static void expect(const char *db, const char *sql, const char *want)
{
    char *got = study_query(&fixture, db, sql);
    size_t n = 0;

    for (const char *c = got; *c; c++)
        if (*c != '\r')
            got[n++] = *c;
    got[n] = '\0';
    assert_string_equal(got, want);
    free(got);
}

/* Two seeds of kd and of lt in one database, then cka of them all. */
static void test_added_later(void **state)
{
    static const char *const objectives[] = {"objective.plugin=kd", "objective.plugin=lt"};
    static const char *const cka[] = {"analysis.cka.of=cells", "analysis.cka.n=60"};
    struct kp_study_result r;

    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *plain[] = {objectives[i], NULL};
        run("a.db", plain, &r);
        assert_int_equal(r.failed, 0);
    }
    for (int i = 0; i < 2; i++) {
        const char *with[] = {objectives[i], cka[0], cka[1], NULL};
        struct study_watch w = run("a.db", with, &r);
        if (r.failed)
            fail_msg("%s", w.text);
        assert_int_equal(r.done, 1);
        assert_int_equal(r.found, 2);
        run("a.db", with, &r);
        assert_int_equal(r.done, 0);
        assert_int_equal(r.found, 3);
    }
    expect("a.db", "SELECT kind, count(*) FROM run WHERE attempt = 1 GROUP BY 1",
           "analysis,2\ntrain,3\n");
    expect("a.db",
           "SELECT objective, metric, abs(lt - value) < 1, value > 0.05 AND value <= 1.0000001 "
           "FROM v_pair WHERE metric = 'test/cka'",
           "kd,test/cka,1,1\n");
    expect("a.db",
           "SELECT objective_a, split, estimator, n FROM v_pairwise WHERE metric = 'test/cka' "
           "ORDER BY 1",
           "kd,test,\"biased, unit rows\",60\nlt,test,\"biased, unit rows\",60\n");
    expect("a.db", "SELECT name, objective, runs, values_found, absent FROM v_analysis ORDER BY 2",
           "cka,kd,2,2,\ncka,lt,2,2,\n");
    expect("a.db", "SELECT count(*) FROM v_run", "3\n");
}

/* The same name with other settings is refused; with a label it stands beside the first. */
static void test_label(void **state)
{
    const char *wider[] = {"objective.plugin=kd", "analysis.cka.n=80", NULL};
    const char *label[] = {"objective.plugin=kd", "analysis.cka.wider.n=80",
                           "analysis.cka.wider.estimator=unbiased", NULL};
    struct kp_study_result r;
    struct study_watch w;

    (void)state;
    w = run("a.db", wider, &r);
    assert_int_equal(r.failed, 1);
    assert_non_null(strstr(w.text, "give this analysis a label"));
    w = run("a.db", label, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 1);
    expect("a.db", "SELECT estimator, n FROM v_pairwise WHERE metric = 'test/cka_wider'",
           "\"unbiased, unit rows\",80\n");
}

static void test_partners(void **state)
{
    const char *init[] = {"analysis.cka.with=init", "analysis.cka.n=60", "analysis.cka.split=train",
                          NULL};
    const char *few[] = {"analysis.cka.few.n=5000", NULL};
    struct kp_study_result r;
    struct study_watch w;

    (void)state;
    w = run("a.db", init, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 1);
    expect("a.db",
           "SELECT count(*), min(value) < 1 FROM result v JOIN metric_key k ON k.id = "
           "v.key WHERE k.name = 'train/cka_init'",
           "1,1\n");
    w = run("a.db", few, &r);
    assert_int_equal(r.done, 1);
    expect("a.db", "SELECT absent FROM v_analysis WHERE name = 'cka.few'",
           "\"there are 100 examples, 5000 are wanted\"\n");
}

/* Pairs by SQL: a matrix of the two students. */
static void test_query(void **state)
{
    const char *query[] = {"analysis.cka.query=SELECT a.uid, b.uid FROM run a, run b WHERE a.kind "
                           "= 'train' AND b.kind = 'train' AND a.teacher_run NOT NULL AND "
                           "b.teacher_run NOT NULL",
                           "analysis.cka.n=60", NULL};
    struct kp_study_result r;
    struct study_watch w;

    (void)state;
    w = run("a.db", query, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 1);
    expect("a.db",
           "SELECT objective_a, objective_b, round(value, 6) FROM v_pairwise WHERE metric = "
           "'test/cka' AND uid_a = uid_b ORDER BY 1",
           "kd,kd,1\nlt,lt,1\n");
    expect("a.db",
           "SELECT count(*), max(value) - min(value) < 1e-12 FROM v_pairwise WHERE metric = "
           "'test/cka' AND objective_a <> objective_b AND model_b = 'cnn' AND uid_b <> (SELECT "
           "t.uid FROM run t JOIN run s ON s.teacher_run = t.id LIMIT 1)",
           "2,1\n");
}

static void test_interrupted(void **state)
{
    const char *with[] = {"analysis.cka.stopped.n=50", NULL};
    struct study_watch w = {.stop_at = 0};
    struct kp_study_result r;

    (void)state;
    assert_int_equal(study_run(&fixture, "a.db", with, &w, &r), KP_E_INTERRUPTED);
    expect("a.db", "SELECT status, values_found FROM v_analysis WHERE name = 'cka.stopped'",
           "interrupted,0\n");
    w = run("a.db", with, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 1);
    expect("a.db", "SELECT status, attempt FROM run WHERE name = 'cka.stopped'", "done,2\n");
}

/* Weights that are not what the run wrote are not analysed. */
static void test_damaged_weights(void **state)
{
    const char *with[] = {"analysis.cka.hurt.n=50", NULL};
    struct kp_study_result r;
    struct study_watch w;
    char path[512];

    (void)state;
    study_weights_path(&fixture, "a.db", "kd", "student", path, sizeof(path));
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -4, SEEK_END), 0);
    int byte = fgetc(f);
    assert_int_equal(fseek(f, -4, SEEK_END), 0);
    assert_int_equal(fputc(byte ^ 1, f), byte ^ 1);
    assert_int_equal(fclose(f), 0);
    w = run("a.db", with, &r);
    assert_int_equal(r.failed, 1);
    assert_non_null(strstr(w.text, "not the file that run"));
}

/* Two seeds: over the group, and a matrix of all. */
static void test_groups(void **state)
{
    static const char students[] =
        "[include]\npath = common.ini\n[teacher]\nexperiment = teacher.ini\n[objective]\nplugin = "
        "kd\n[sweep]\nseed.master = 1, 2\n";
    const char *with[] = {"analysis.bias_variance.of=cells",
                          "analysis.cka.with=each_other",
                          "analysis.cka.n=60",
                          "analysis.feature_alignment.of=cells",
                          "analysis.linear_probe.of=cells",
                          "analysis.spectrum.of=cells",
                          "analysis.flops.of=cells",
                          "analysis.ntk.n=10",
                          "analysis.linear_probe.c=0.5",
                          NULL};
    struct kp_study_result r;
    struct study_watch w;
    FILE *f = fopen(study_path(&fixture, "students.ini"), "w");

    (void)state;
    assert_non_null(f);
    assert_true(fputs(students, f) >= 0);
    assert_int_equal(fclose(f), 0);
    w = run("b.db", with, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 3 + 2 * 5 + 2);
    run("b.db", with, &r);
    assert_int_equal(r.done, 0);
    expect("b.db",
           "SELECT metric, n, mean > 0 FROM v_group WHERE metric IN ('test/variance', "
           "'test/bias2') ORDER BY 1",
           "test/bias2,1,1\ntest/variance,1,1\n");
    expect("b.db",
           "SELECT seed_a, seed_b, round(value, 9) = 1 FROM v_pairwise WHERE metric = 'test/cka' "
           "ORDER BY 1, 2",
           "1,1,1\n1,2,0\n2,1,0\n2,2,1\n");
    expect("b.db",
           "SELECT k.name, count(*) FROM result v JOIN metric_key k ON k.id = v.key WHERE "
           "v.analysis NOT NULL AND k.name NOT LIKE '%eigen%' AND k.name NOT LIKE '%/probe%' "
           "GROUP BY 1",
           "run/forward_flops,2\nrun/params,2\nrun/train_flops,2\ntest/bias2,1\n"
           "test/feature_alignment,2\ntest/ntk_cka,2\ntest/variance,1\n");
    expect("b.db",
           "SELECT count(*) = 2 * 32 FROM point p JOIN metric_key k ON k.id = p.key WHERE k.name = "
           "'test/eigenvalues'",
           "1\n");
    expect("b.db",
           "SELECT role, count(*) FROM artifact a JOIN run r ON r.id = a.run WHERE r.kind = "
           "'analysis' GROUP BY 1",
           "arrays,2\n");
}

#define CURVE "train.epochs=1", "train.warmup_epochs=0", "train.eval_kappas=0.2 0.5"

/* At each kappa at which runs kept their weights: an analysis for each, its values with that kappa
 * and the examples seen by then. */
static void test_curve(void **state)
{
    const char *end[] = {
        "sweep:objective.plugin=lt, kd", CURVE, "train.keep=kappas", "analysis.cka.n=60",
        "analysis.cka.weight=both",      NULL};
    const char *all[] = {"sweep:objective.plugin=lt, kd",
                         CURVE,
                         "train.keep=kappas",
                         "analysis.cka.n=60",
                         "analysis.cka.weight=both",
                         "analysis.cka.at=kappas",
                         "analysis.flops.at=kappas",
                         "analysis.cka.cross.at=kappas",
                         "analysis.cka.cross.with=each_other",
                         "analysis.cka.cross.n=60",
                         NULL};
    struct kp_study_result r;
    struct study_watch w = run("c.db", end, &r);

    (void)state;
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 1 + 2 + 2);
    w = run("c.db", all, &r);
    assert_string_equal(w.text, "");
    assert_int_equal(r.done, 2 * 2 + 2 * 3 + 3);
    assert_int_equal(r.found, 1 + 2 + 2);
    expect("c.db",
           "SELECT metric, kappa, count(*), count(DISTINCT round(value, 9)) FROM v_pairwise WHERE "
           "metric GLOB 'test/cka*' AND estimator NOT LIKE '%freq%' GROUP BY 1, 2",
           "test/cka,0.2,2,2\ntest/cka,0.5,2,2\ntest/cka,0.7,2,2\n"
           "test/cka_cross,0.2,4,2\ntest/cka_cross,0.5,4,2\ntest/cka_cross,0.7,4,2\n");
    expect("c.db",
           "SELECT metric, estimator, count(*) FROM v_pairwise WHERE metric = 'test/cka_weighted' "
           "GROUP BY 1, 2",
           "test/cka_weighted,\"biased freq, unit rows\",6\n");
    expect("c.db",
           "SELECT kappa, count(*) FROM v_pair WHERE metric = 'test/cka_weighted' GROUP BY 1",
           "0.2,1\n0.5,1\n0.7,1\n");
    /* Steps of 32 examples, the last one shorter. */
    expect(
        "c.db",
        "SELECT DISTINCT kappa, samples, step FROM result WHERE run IN (SELECT id FROM run WHERE "
        "kind = 'train' AND teacher_run NOT NULL) ORDER BY 1",
        "0.2,32,1\n0.5,64,2\n0.7,105,4\n");
    expect("c.db", "SELECT DISTINCT r.kappa FROM run r WHERE r.kind = 'analysis' ORDER BY 1",
           "0.2\n0.5\n0.7\n");
    /* The teacher is as large as its students: a fourth forward pass for kd. */
    expect("c.db",
           "SELECT r.objective, v.kappa, v.value / f.value / v.samples FROM result v JOIN run r ON "
           "r.id = v.run JOIN metric_key k ON k.id = v.key AND k.name = 'run/train_flops' JOIN "
           "result f ON f.run = v.run AND f.kappa = v.kappa JOIN metric_key l ON l.id = f.key AND "
           "l.name = 'run/forward_flops' ORDER BY 1, 2",
           "kd,0.2,4\nkd,0.5,4\nkd,0.7,4\nlt,0.2,3\nlt,0.5,3\nlt,0.7,3\n");
    /* And the curve says the same as the analysis. */
    expect("c.db",
           "SELECT count(*), max(abs(p.flops / p.samples * v.samples / v.value - 1)) < 1e-12 FROM "
           "result v JOIN metric_key k ON k.id = v.key AND k.name = 'run/train_flops' JOIN point p "
           "ON p.run = v.run JOIN metric_key l ON l.id = p.key AND l.name = 'train/loss'",
           "6,1\n");
}

/* What must be so before weights can be looked at along a curve. */
static void test_no_curve(void **state)
{
    const char *plain[] = {CURVE, NULL};
    const char *late[] = {CURVE, "train.keep=kappas", "analysis.cka.at=kappas", NULL};
    static const struct {
        const char *set[4], *says;
    } bad[] = {
        {{"analysis.cka.at=kappas"}, "analysis.cka.at: kappas, but the run keeps no weights"},
        {{"analysis.cka.at=kappas", "analysis.cka.of=init"}, "initial weights have no curve"},
        {{"analysis.cka.at=kappas", "analysis.cka.split=train"}, "data.draw = first"},
        {{"analysis.cka.at=kappas", "analysis.cka.query=SELECT 1, 2"}, "compared at their ends"},
    };
    struct kp_study_result r;
    struct study_watch w = run("d.db", plain, &r);

    (void)state;
    assert_string_equal(w.text, "");
    w = run("d.db", late, &r);
    assert_int_equal(r.failed, 2);
    assert_int_equal(r.done, 1);
    assert_non_null(strstr(w.text, "kept no weights at kappa 0."));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct kp_override list[4];
        struct kp_text report = {0};
        struct kp_plan *plan = NULL;
        int64_t n = 0;

        for (; n < 4 && bad[i].set[n]; n++)
            list[n] = (struct kp_override){false, bad[i].set[n]};
        assert_int_equal(kp_plan_make(study_path(&fixture, "students.ini"), list, n, 0,
                                      &fixture.registry, NULL, &plan, &report),
                         KP_E_CONFIG);
        if (!strstr(report.s, bad[i].says))
            fail_msg("'%s' is not in: %s", bad[i].says, report.s);
        kp_text_finish(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_added_later), cmocka_unit_test(test_label),
        cmocka_unit_test(test_partners),    cmocka_unit_test(test_query),
        cmocka_unit_test(test_interrupted), cmocka_unit_test(test_damaged_weights),
        cmocka_unit_test(test_curve),       cmocka_unit_test(test_no_curve),
        cmocka_unit_test(test_groups),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
