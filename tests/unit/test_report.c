/* test_report.c - answers to figures, tables and claims: numbers against tests/golden, verdicts,
 * missing cells, scopes, hostile queries. KAPPA_GOLDEN=write replaces the golden file. */
#include "report_fixture.h"

#include "base/file.h"

static const struct kp_entry *only_entry(const struct kp_report *r)
{
    assert_int_equal(r->count, 1);
    assert_int_equal(r->sections[0].count, 1);
    return &r->sections[0].entries[0];
}

static void expect_problem(const char *sql, const char *message)
{
    report_put("x.sql", sql);
    struct kp_report *r = report_ask();
    const struct kp_entry *x = only_entry(r);
    if (!x->problem || !strstr(x->problem, message))
        fail_msg("no '%s' in: %s", message, x->problem ? x->problem : "(no problem)");
    kp_report_destroy(r);
}

static void expect_verdict(const char *sql, enum kp_verdict want, bool indicative)
{
    report_put("x.sql", sql);
    struct kp_report *r = report_ask();
    const struct kp_entry *x = only_entry(r);
    if (x->problem)
        fail_msg("%s", x->problem);
    assert_int_equal(x->verdict, want);
    assert_int_equal(x->indicative, indicative);
    kp_report_destroy(r);
}

static void test_golden(void **state)
{
    const char *path = KP_SOURCE_ROOT "/tests/golden/report.txt";
    struct kp_text text = {0};
    struct kp_error e = {0};
    uint8_t *want = NULL;
    size_t size = 0;

    (void)state;
    report_put("a-table.sql", REPORT_TABLE_SQL REPORT_GRID);
    report_put("b-holds.sql", REPORT_CLAIM_SQL("kappa < 1"));
    report_put("c-fails.sql", REPORT_CLAIM_SQL("kappa <= 1") REPORT_GRID);
    struct kp_report *r = report_ask();
    assert_int_equal(r->sections[0].count, 3);
    for (int64_t i = 0; i < 3; i++) {
        kp_report_entry_text(&r->sections[0].entries[i], &text);
        kp_text_add(&text, "\n");
    }
    const char *mode = getenv("KAPPA_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(text.s, f) >= 0);
        assert_int_equal(fclose(f), 0);
    }
    assert_ok(kp_file_read(path, 1 << 20, &want, &size, &e), e);
    assert_string_equal(text.s, (const char *)want);
    free(want);
    kp_text_finish(&text);
    kp_report_destroy(r);
}

static void test_verdicts(void **state)
{
    static const char head[] = "-- title: t\n-- kind: claim\n-- statistics: s\n";
    char sql[512];

    (void)state;
    expect_verdict(REPORT_CLAIM_SQL("kappa < 1"), KP_CLAIM_HOLDS, true);
    expect_verdict(REPORT_CLAIM_SQL("kappa <= 0.1 AND seed = 11"), KP_CLAIM_OPEN, false);
    expect_verdict(REPORT_CLAIM_SQL("kappa > 5"), KP_CLAIM_OPEN, false);
    /* A row that fails decides, whatever is open beside it; five seeds are more than indicative. */
    (void)snprintf(sql, sizeof sql,
                   "%sSELECT column1 AS holds, 5 AS n, 0 AS mean, 1 AS sd, '' AS seeds FROM "
                   "(VALUES (1), (NULL), (0))",
                   head);
    expect_verdict(sql, KP_CLAIM_FAILS, false);
    (void)snprintf(sql, sizeof sql,
                   "%sSELECT column1 AS holds, 9 AS n, 0 AS mean, 1 AS sd, '' AS seeds FROM "
                   "(VALUES (1), (NULL))",
                   head);
    expect_verdict(sql, KP_CLAIM_OPEN, false);
    (void)snprintf(sql, sizeof sql, "%sSELECT 1 AS holds, 3 AS n, 0 AS mean, 1 AS sd", head);
    expect_problem(sql, "x.sql:4: the query of a claim has no column 'seeds'");
}

static void test_missing(void **state)
{
    struct kp_text text = {0};

    (void)state;
    report_put("x.sql", REPORT_TABLE_SQL REPORT_GRID);
    struct kp_report *r = report_ask();
    kp_entry_missing_text(only_entry(r), "", "\n", 10, false, &text);
    assert_string_equal(text.s, "kd tau 20 kappa 1: absent (seed 11)\n"
                                "kd tau 20 kappa 1: failed: loss is NaN at step 7 (seed 13)\n");
    kp_text_finish(&text);
    kp_report_destroy(r);

    /* Without a query of its own an item expects the database's students. */
    report_put("x.sql", REPORT_TABLE_SQL);
    r = report_ask();
    kp_entry_missing_text(only_entry(r), "", "\n", 10, false, &text);
    assert_string_equal(text.s, "test cifar10 cnn from cnn kd tau 20 kappa 1: failed: loss is NaN "
                                "at step 7 (seed 13)\n");
    kp_text_finish(&text);
    kp_report_destroy(r);

    report_put("x.sql", "-- title: t\n-- kind: table\n-- split: s\n-- needs: test/kl test/it's\n"
                        "SELECT 1 AS n\n-- expect:\nSELECT 'kd' AS objective, 0.02 AS kappa\n");
    r = report_ask();
    kp_entry_missing_text(only_entry(r), "", "\n", 10, false, &text);
    assert_string_equal(text.s, "kd kappa 0.02: done, without test/kl\n");
    kp_text_finish(&text);
    kp_report_destroy(r);

    /* Cells that differ in what is not shown are one line, its seeds named once. */
    report_put("x.sql", "-- title: t\n-- kind: table\n-- split: s\nSELECT 1 AS n\n-- expect:\n"
                        "SELECT 'kd' AS objective, 5.0 AS kappa, column1 AS seed "
                        "FROM (VALUES (11), (13), (11))\n");
    r = report_ask();
    kp_entry_missing_text(only_entry(r), "", "\n", 10, false, &text);
    assert_string_equal(text.s, "kd kappa 5: absent (seeds 11 13)\n");
    kp_text_finish(&text);
    kp_report_destroy(r);
}

/* With cells, queries see their runs alone, and the cells are what is expected. */
static void test_scope(void **state)
{
    struct kp_scope_cell cells[2] = {
        {.kind = "train",
         .role = "student",
         .dataset = "cifar10",
         .model = "cnn",
         .objective = "lt",
         .kappa = 0.1,
         .tau = FIXTURE_NAN,
         .seed = 11},
        {.kind = "train",
         .role = "student",
         .dataset = "cifar10",
         .model = "cnn",
         .objective = "kd",
         .teacher = "cnn",
         .kappa = 0.4,
         .tau = 20,
         .seed = 11},
    };
    const struct kp_report_source source = {
        .folder = fixture_folder, .experiment = "e.ini", .scope = {cells, 2}};
    struct kp_report *r = NULL;
    struct kp_text text = {0};
    struct kp_error e = {0};
    const char key[] = "lt 0.1 nan 11 ";

    (void)state;
    fixture_hash(cells[0].config_hash, "config", key, strlen(key));
    (void)snprintf(cells[1].config_hash, sizeof cells[1].config_hash, "none");
    report_put("x.sql", "-- title: t\n-- kind: table\n-- split: s\n"
                        "SELECT count(*) AS n, (SELECT count(*) FROM v_run) AS runs, "
                        "(SELECT count(*) FROM v_group) AS groups, "
                        "(SELECT count(*) FROM v_pair) AS pairs FROM run\n");
    assert_ok(kp_report_ask(fixture_path, &source, 1, &r, &e), e);
    const struct kp_entry *x = only_entry(r);
    assert_null(x->problem);
    assert_string_equal(x->csv.s, "n,runs,groups,pairs\r\n1,1,1,0\r\n");
    kp_entry_missing_text(x, "", "\n", 10, false, &text);
    assert_string_equal(text.s, "cifar10 cnn from cnn kd tau 20 kappa 0.4: absent (seed 11)\n");
    kp_text_finish(&text);
    kp_report_destroy(r);
}

static void test_hostile(void **state)
{
    static const char head[] = "-- title: t\n-- kind: table\n-- split: s\n";
    static const struct {
        const char *query, *message;
    } bad[] = {
        {"SELECT 1 AS n,\n  2 AS\nFROM WHERE", "x.sql:6: SQL: near \"FROM\": syntax error"},
        {"SELECT 1 AS n,\n  colour\nFROM run", "x.sql:5: SQL: no such column: colour"},
        {"DELETE FROM run", "x.sql:4: SQL: the statement would change the database"},
        {"SELECT 1 AS n; DROP TABLE run", "x.sql:4: SQL: more than one statement"},
        {"ATTACH 'y' AS z", "x.sql:4: SQL: only statements that read"},
        {"", "x.sql:4: SQL: there is no statement"},
        {"SELECT 1 AS m", "x.sql:4: the query of a table has no column 'n'"},
        {"SELECT json('{') AS n", "x.sql:4: SQL: malformed JSON"},
        {"SELECT 1 AS n\n-- expect:\nSELECT 1 AS kappa)", "x.sql:6: SQL: near \")\""},
        {"-- with: absent.part\nSELECT 1 AS n", "x.sql: '-- with:': "},
        {"-- with: part\nSELECT n FROM a", "part:2: SQL: no such column: colour"},
        {"-- with: part\nSELECT\n m FROM b", "x.sql:6: SQL: no such column: m"},
        {"SELECT 1 AS n\n-- expect:\nSELECT 1 AS colour",
         "x.sql:6: the expected cells have a column 'colour'"},
        {"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c",
         "x.sql:4: the result has more than"},
    };
    char sql[512];

    (void)state;
    report_put("part", "b AS (SELECT 1 AS n),\na AS (SELECT colour AS n FROM run)\n");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(sql, sizeof sql, "%s%s", head, bad[i].query);
        expect_problem(sql, bad[i].message);
    }
    fixture_expect("SELECT count(*) AS n FROM run", "n\n18\n");
}

static void test_bad_places(void **state)
{
    struct kp_report_source source = {.folder = "/nowhere"};
    struct kp_report *r = NULL;
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_report_ask(fixture_path, &source, 1, &r, &e), KP_E_IO);
    assert_says(e, "/nowhere: cannot read this folder");
    source.folder = fixture_folder;
    assert_int_equal(kp_report_ask("/nowhere/k.db", &source, 1, &r, &e), KP_E_STORE);
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_golden, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_verdicts, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_missing, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scope, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_hostile, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_places, report_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
