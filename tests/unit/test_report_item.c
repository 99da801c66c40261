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
    expect_bad("-- title: x\nSELECT 1\n-- kind: table\n", "move it to the top");
    expect_bad("-- kind: table\n-- title: x\n-- split: t\nSELECT 1;\n-- expect:\n ;\n",
               "x.sql:6: no query behind");
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
        cmocka_unit_test_setup_teardown(test_bytes, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
