/* test_report_figure.c - curves of a figure: panels, interruptions, colours, names in the script.
 */
#include "report_fixture.h"

#include "report/html.h"
#include "report/script.h"

/* The rows of a query on the fixture's database. */
static void ask(const char *sql, struct kp_rowset *rows)
{
    struct kp_reader *r = NULL;
    struct kp_error e = {0};

    assert_ok(kp_reader_open(fixture_path, &r, &e), e);
    assert_ok(kp_reader_rows(r, sql, rows, NULL, &e), e);
    kp_reader_close(r);
}

static void expect_data_of(const char *sql, const char *missing_sql, bool gaps, const char *want)
{
    struct kp_rowset rows = {0}, missing = {0};
    struct kp_blocks blocks = {0};
    struct kp_text data = {0};
    struct kp_error e = {0};

    ask(sql, &rows);
    if (missing_sql)
        ask(missing_sql, &missing);
    assert_ok(kp_blocks_make(&rows, &blocks, &e), e);
    kp_figure_data(&rows, &blocks, missing_sql ? &missing : NULL, gaps, &data);
    assert_string_equal(data.s, want);
    kp_text_finish(&data);
    kp_blocks_finish(&blocks);
    kp_rowset_finish(&rows);
    kp_rowset_finish(&missing);
}

static void expect_data(const char *sql, const char *missing_sql, const char *want)
{
    expect_data_of(sql, missing_sql, true, want);
}

/* Where x is measured, another curve's x is no gap. */
static void test_measured_x(void **state)
{
    (void)state;
    expect_data_of("SELECT column1 AS series, column2 AS x, 3 AS n FROM "
                   "(VALUES ('a', 1), ('a', 3), ('b', 2), ('b', 4))",
                   NULL, false,
                   "\"series\"\t\"x\"\t\"n\"\n\"a\"\t1\t3\n\"a\"\t3\t3\n\n\n"
                   "\"series\"\t\"x\"\t\"n\"\n\"b\"\t2\t3\n\"b\"\t4\t3\n");
}

/* A line is not drawn over an x that another curve of the panel has, nor over a missing kappa. */
static void test_interruptions(void **state)
{
    (void)state;
    expect_data("WITH v (panel, series, x) AS (VALUES ('p', 'a', 1), ('p', 'a', 2), ('p', 'a', 3), "
                "('p', 'b', 1), ('p', 'b', 3), ('q', 'b', 1), ('q', 'b', 3)) "
                "SELECT panel, series, x, 7 AS n FROM v",
                NULL,
                "\"panel\"\t\"series\"\t\"x\"\t\"n\"\n\"p\"\t\"a\"\t1\t7\n\"p\"\t\"a\"\t2\t7\n"
                "\"p\"\t\"a\"\t3\t7\n\n\n"
                "\"panel\"\t\"series\"\t\"x\"\t\"n\"\n\"p\"\t\"b\"\t1\t7\nNaN\tNaN\tNaN\tNaN\n"
                "\"p\"\t\"b\"\t3\t7\n\n\n"
                "\"panel\"\t\"series\"\t\"x\"\t\"n\"\n\"q\"\t\"b\"\t1\t7\n\"q\"\t\"b\"\t3\t7\n");
    expect_data("SELECT column1 AS x FROM (VALUES (0.1), (0.4))",
                "SELECT column1 AS kappa FROM (VALUES (0.4), (0.2), (NULL))",
                "\"x\"\n0.1\nNaN\n0.4\n");
    /* Points that do not rise are no curve; a reference's x, without n, is no measurement. */
    expect_data("SELECT column1 AS x FROM (VALUES (3), (1), (2))", NULL, "\"x\"\n3\n1\n2\n");
    expect_data("SELECT column1 AS series, column2 AS x, column3 AS n FROM "
                "(VALUES ('a', 1, 3), ('a', 3, 3), ('r', 2, NULL))",
                NULL,
                "\"series\"\t\"x\"\t\"n\"\n\"a\"\t1\t3\n\"a\"\t3\t3\n\n\n"
                "\"series\"\t\"x\"\t\"n\"\n\"r\"\t2\tNaN\n");
}

/* Work that grows with the square of the rows would take an hour. */
static void test_many_rows(void **state)
{
    struct kp_rowset rows = {0};
    struct kp_blocks blocks = {0};
    struct kp_text data = {0}, page = {0};
    struct kp_error e = {0};
    int64_t lines = 0;

    (void)state;
    ask("WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 200000) "
        "SELECT n AS x, n % 7 AS y, 3 AS n FROM c",
        &rows);
    assert_ok(kp_blocks_make(&rows, &blocks, &e), e);
    kp_figure_data(&rows, &blocks, NULL, true, &data);
    assert_false(data.failed);
    for (size_t i = 0; i < data.length; i++)
        lines += data.s[i] == '\n';
    assert_int_equal(lines, 200001);
    kp_html_add_rows(&page, &rows);
    assert_false(page.failed);
    assert_non_null(strstr(page.s, "<td class=\"number\">200000</td>"));
    kp_text_finish(&data);
    kp_text_finish(&page);
    kp_blocks_finish(&blocks);
    kp_rowset_finish(&rows);
}

static void make_looks(const char *sql, struct kp_rowset *rows, struct kp_blocks *b,
                       struct kp_looks *l)
{
    struct kp_error e = {0};

    ask(sql, rows);
    assert_ok(kp_blocks_make(rows, b, &e), e);
    assert_ok(kp_looks_make(rows, b, l, &e), e);
}

static void finish(struct kp_rowset *rows, struct kp_blocks *b, struct kp_looks *l)
{
    kp_looks_finish(l);
    kp_blocks_finish(b);
    kp_rowset_finish(rows);
}

static void test_looks(void **state)
{
    struct kp_rowset rows = {0};
    struct kp_blocks b = {0};
    struct kp_looks l = {0};

    (void)state;
    make_looks("SELECT column1 AS panel, column2 AS series, column3 AS n FROM (VALUES "
               "('p', 'lt', 3), ('p', 'kd tau 1', 3), ('p', 'kd tau 5', 3), ('p', 'kd tau 20', 3), "
               "('p', 'l2', 3), ('p', 'teacher', NULL), ('q', 'l2', 3), ('q', 'lt', 3))",
               &rows, &b, &l);
    assert_int_equal(l.count, 6);
    assert_int_equal(l.of_block[6], l.of_block[4]); /* one name, one look, in whichever panel */
    assert_int_equal(l.of_block[7], l.of_block[0]);
    assert_string_equal(l.v[0].colour, "#000000");
    assert_string_equal(l.v[1].colour, "#440154"); /* the ends and the middle of the ramp */
    assert_string_equal(l.v[2].colour, "#2a788e");
    assert_string_equal(l.v[3].colour, "#7ad151");
    assert_string_equal(l.v[4].colour, "#0072b2");
    assert_int_equal(l.v[4].dash, 1);
    assert_int_equal(l.v[5].mark, KP_MARK_NONE);
    assert_int_equal(l.v[5].dash, 2);
    for (int64_t i = 0; i < 5; i++)
        for (int64_t k = 0; k < i; k++) {
            assert_string_not_equal(l.v[i].colour, l.v[k].colour);
            assert_int_not_equal(l.v[i].mark, l.v[k].mark);
        }
    finish(&rows, &b, &l);

    make_looks("SELECT column1 AS series, 3 AS n FROM (VALUES ('lt, net'), ('kd, net'), "
               "('lt, probe'), ('kd, probe'))",
               &rows, &b, &l);
    assert_string_equal(l.v[3].colour, l.v[1].colour);
    assert_string_equal(l.v[2].colour, "#000000");
    assert_int_equal(l.v[1].dash, 1);
    assert_int_equal(l.v[3].dash, 2);
    assert_int_equal(l.v[3].mark, l.v[1].mark - 1);
    finish(&rows, &b, &l);
}

/* Names are written with the letters that papers use, whole words only. */
static void test_names(void **state)
{
    const struct kp_item item = {.name = "f",
                                 .title = "t",
                                 .x = "omega / sqrt(kappa)",
                                 .y = "taut kappa_x it's tau",
                                 .settings = ""};
    struct kp_rowset rows = {0};
    struct kp_blocks b = {0};
    struct kp_looks l = {0};
    struct kp_text script = {0};

    (void)state;
    make_looks("SELECT 'kappa 0.1' AS series, 3 AS n", &rows, &b, &l);
    kp_script_make(&item, &b, &l, "n = 3", &script);
    assert_non_null(strstr(script.s, "xname = 'ω / √(κ)'\n"));
    assert_non_null(strstr(script.s, "yname = 'taut kappa_x it''s τ'\n"));
    assert_non_null(strstr(script.s, "name[1] = 'κ 0.1'; colour[1] = '#0072b2'"));
    kp_text_finish(&script);
    finish(&rows, &b, &l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_interruptions, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_measured_x, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many_rows, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_looks, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_names, report_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
