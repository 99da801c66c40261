/* test_report_item.c - the header and the queries of figures, tables and claims. */
#include "report_fixture.h"

static void expect_bad(const char *text, const char *message)
{
    struct kp_item item = {0};
    struct kp_error e = {0};
    bool is_item = false;
    char path[512];

    report_put("x.sql", text);
    (void)snprintf(path, sizeof path, "%s/x.sql", fixture_folder);
    assert_int_equal(kp_item_read(path, &item, &is_item, &e), KP_E_FORMAT);
    assert_says(e, message);
    assert_says(e, "x.sql");
    assert_null(item.path);
}

static void read_item(const char *text, struct kp_item *item, bool *is_item)
{
    struct kp_error e = {0};
    char path[512];

    report_put("x.sql", text);
    (void)snprintf(path, sizeof path, "%s/x.sql", fixture_folder);
    assert_ok(kp_item_read(path, item, is_item, &e), e);
}

static void test_header(void **state)
{
    struct kp_item item = {0};
    bool is_item = false;

    (void)state;
    read_item("-- Words for people: they are left alone.\n\n-- title: A title\n--   goes on\n"
              "-- kind: figure\r\n-- x: a\n-- y: b\n-- set: logscale x\n-- set: key left\n"
              "-- split: test\n-- needs: test/cka\nSELECT 1 AS n; -- one\n\n-- expect:\n"
              "SELECT 2 AS kappa;\n\n",
              &item, &is_item);
    assert_true(is_item);
    assert_string_equal(item.title, "A title goes on");
    assert_string_equal(item.name, "x");
    assert_int_equal(item.kind, KP_ITEM_FIGURE);
    assert_string_equal(item.settings, "set logscale x\nset key left\n");
    assert_string_equal(item.needs, "test/cka");
    assert_non_null(strstr(item.plot, "/x.gp"));
    assert_string_equal(item.query, "SELECT 1 AS n; -- one\n\n");
    assert_int_equal(item.query_line, 12);
    assert_string_equal(item.expect, "SELECT 2 AS kappa");
    assert_int_equal(item.expect_line, 15);
    kp_item_finish(&item);
}

static void test_other_queries(void **state)
{
    struct kp_item item = {0};
    bool is_item = true;

    (void)state;
    read_item("-- note: just a query\nSELECT 1;\n", &item, &is_item);
    assert_false(is_item);
    read_item("", &item, &is_item);
    assert_false(is_item);
}

static void test_bad_headers(void **state)
{
    (void)state;
    expect_bad("-- kind: figur\n-- title: x\nSELECT 1", "x.sql:1: kind 'figur' is not known");
    expect_bad("-- kind: table\n-- titel: x\nSELECT 1",
               "x.sql:2: no header line is called 'titel'");
    expect_bad("-- kind: table\n-- title: x\n-- title: y\n", "x.sql:3: a second line 'title:'");
    expect_bad("-- kind: table\nSELECT 1", "no line '-- title:'");
    expect_bad("-- kind: table\n-- title: x\nSELECT 1", "no line '-- split:'");
    expect_bad("-- kind: claim\n-- title: x\nSELECT 1", "no line '-- statistics:'");
    expect_bad("-- kind: figure\n-- title: x\n-- split: t\n-- x: a\nSELECT 1", "no line '-- y:'");
    expect_bad("-- kind: figure\n-- title: x\n-- split: t\n-- x: a\n-- y: b\n-- gaps: no\nSELECT 1",
               "'-- gaps: no': only 'none' can be said of gaps");
    expect_bad("-- title: x\nSELECT 1\n-- kind: table\n", "move it to the top");
    expect_bad("-- kind: table\n-- title: x\n-- split: t\nSELECT 1;\n-- expect:\n ;\n",
               "x.sql:6: no query behind");
}

/* Shared common table expressions come before the item's own, whether it has some or not. */
static void test_with(void **state)
{
    struct kp_item item = {0};
    bool is_item = false;

    (void)state;
    report_put("one.part", "-- what it is for\none AS (SELECT 1 AS a)");
    report_put("two.part", "two AS (SELECT a + 1 AS b FROM one)\n");
    read_item("-- title: t\n-- kind: table\n-- split: s\n-- with: one.part two.part\n"
              "WITH own AS (SELECT 1)\nSELECT b AS n FROM two\n-- expect:\nSELECT 2 AS kappa\n",
              &item, &is_item);
    assert_true(is_item);
    assert_string_equal(item.query, "WITH\n-- what it is for\none AS (SELECT 1 AS a)\n,\n"
                                    "two AS (SELECT a + 1 AS b FROM one)\n, own AS (SELECT 1)\n"
                                    "SELECT b AS n FROM two\n");
    assert_non_null(strstr(item.text, "-- with: one.part two.part\nWITH\n-- what it is for\n"));
    assert_non_null(strstr(item.text, "SELECT b AS n FROM two\n-- expect:\nSELECT 2 AS kappa\n"));
    kp_item_finish(&item);

    read_item("-- title: t\n-- kind: table\n-- split: s\n-- with: two.part\nSELECT b AS n FROM two",
              &item, &is_item);
    assert_string_equal(item.query,
                        "WITH\ntwo AS (SELECT a + 1 AS b FROM one)\nSELECT b AS n FROM two");
    kp_item_finish(&item);
}

/* An error is told with the line of the file that it is in. */
static void test_with_places(void **state)
{
    struct kp_item item = {0};
    bool is_item = false;
    static const struct {
        const char *part, *message;
    } places[] = {{"what", "one.part:1: x"},   {"one AS", "one.part:2: x"},
                  {"two AS", "two.part:1: x"}, {"FROM one", "two.part:2: x"},
                  {"own", "x.sql:6: x"},       {"SELECT b", "x.sql:7: x"}};

    (void)state;
    report_put("one.part", "-- what it is for\none AS (SELECT 1 AS a)");
    report_put("two.part", "two AS (SELECT a + 1 AS b\n    FROM one)\n");
    read_item("-- title: t\n-- kind: table\n-- split: s\n-- with: one.part two.part\n\n"
              "WITH own AS (SELECT 1)\nSELECT b AS n FROM two\n",
              &item, &is_item);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct kp_error e = {0};
        const char *at = strstr(item.query, places[i].part);
        assert_non_null(at);
        (void)kp_fail(&e, KP_E_INVALID, "x (at character 7)");
        (void)kp_item_fail(&item, item.query, item.query_line, (int)(at - item.query), &e);
        assert_says(e, places[i].message);
        assert_null(strstr(e.text, "character"));
    }
    kp_item_finish(&item);
}

static void test_paths(void **state)
{
    struct kp_item item = {0};
    bool is_item = false;
    char want[600];

    (void)state;
    read_item("-- title: t\n-- kind: claim\n-- statistics: s\n-- from: ../a/b.ini c.ini\nSELECT 1",
              &item, &is_item);
    (void)snprintf(want, sizeof want, "%.*s/a/b.ini %s/c.ini",
                   (int)(strrchr(fixture_folder, '/') - fixture_folder), fixture_folder,
                   fixture_folder);
    assert_string_equal(item.from, want);
    kp_item_finish(&item);

    item.path = "../x/../y.sql"; /* what leads out of where it starts stays */
    char *path = kp_item_path(&item, "../../z.ini");
    assert_string_equal(path, "../../../z.ini");
    free(path);
}

static void test_bytes(void **state)
{
    struct kp_item item = {0};
    struct kp_error e = {0};
    bool is_item = false;
    char path[512];
    FILE *f;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/zero.sql", fixture_folder);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite("-- kind: table\0x", 1, 16, f), 16);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(kp_item_read(path, &item, &is_item, &e), KP_E_FORMAT);
    assert_says(e, "zero byte");

    (void)snprintf(path, sizeof path, "%s/large.sql", fixture_folder);
    f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < KP_ITEM_LIMIT; i++)
        assert_int_not_equal(fputs("--\n", f), EOF);
    assert_int_equal(fclose(f), 0);
    assert_int_not_equal(kp_item_read(path, &item, &is_item, &e), KP_OK);
    assert_says(e, "large.sql");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_queries, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_headers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_with, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_with_places, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_paths, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bytes, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
