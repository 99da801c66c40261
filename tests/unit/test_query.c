/* test_query.c - questions to a run database: what is refused, and how rows are laid out. */
#include "store_fixture.h"

#include "store/layout.h"

static int setup(void **state)
{
    struct kp_store *s = NULL;
    struct kp_error e = {0};

    if (fixture_setup(state) != 0 || kp_store_open(fixture_path, &s, &e) != KP_OK)
        return -1;
    return kp_store_close(s, &e) == KP_OK ? 0 : -1;
}

static void expect(enum kp_query_format format, const char *sql, const char *want)
{
    struct kp_text out = {0};
    struct kp_error e = {0};

    kp_text_add(&out, ">");
    assert_ok(kp_query_run(fixture_path, sql, format, &out, &e), e);
    assert_string_equal(out.s + 1, want);
    kp_text_finish(&out);
}

static void refuse(const char *sql, const char *message)
{
    struct kp_text out = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_query_run(fixture_path, sql, KP_QUERY_TABLE, &out, &e), KP_E_INVALID);
    assert_says(e, message);
    assert_null(out.s);
}

static void test_table(void **state)
{
    (void)state;
    expect(KP_QUERY_TABLE,
           "SELECT column1 AS name, column2 AS n, column3 AS mixed FROM (VALUES ('kd', 1, 1.5), "
           "('l\xc3\xa4nger', -20.25, 'a'), (NULL, NULL, NULL))",
           "name         n  mixed\n"
           "------  ------  -----\n"
           "kd           1  1.5\n"
           "l\xc3\xa4nger  -20.25  a\n"
           "-            -  -\n");
    expect(KP_QUERY_TABLE, "SELECT 1 AS a, 'x' AS b WHERE 0", "a  b\n-  -\n");
    expect(KP_QUERY_TABLE, "SELECT 0.1 AS r, 1e-9 AS s, 1234567.0 AS t, 3.0 AS u",
           "  r      s            t  u\n---  -----  -----------  -\n0.1  1e-09  1.23457e+06  3\n");
    /* Nothing in a cell breaks the lines or commands the terminal. */
    expect(KP_QUERY_TABLE,
           "SELECT 'a' || char(10) || char(27) || '[2J' || char(9) || char(155) || "
           "CAST(x'ff' AS TEXT) AS t, x'00ff' AS b",
           "t                         b\n"
           "------------------------  ---------\n"
           "a\\n\\x1b[2J\\t\\xc2\\x9b\\xff  <2 bytes>\n");
}

static void test_csv(void **state)
{
    (void)state;
    expect(KP_QUERY_CSV,
           "SELECT 1 AS a, 0.1 AS b, NULL AS c, '' AS d, 'x,y' AS \"e\"\"q\", 'say \"hi\"' AS f, "
           "'two' || char(10) || 'lines' AS g, x'0aff' AS h, -9223372036854775807 AS i",
           "a,b,c,d,\"e\"\"q\",f,g,h,i\r\n"
           "1,0.1,,\"\",\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\",0aff,-9223372036854775807\r\n");
    expect(KP_QUERY_CSV, "SELECT 1.0 / 3.0 AS a WHERE 0", "a\r\n");
    expect(KP_QUERY_CSV, "SELECT 1.0 / 3.0 AS a", "a\r\n0.3333333333333333\r\n");
}

static void test_json(void **state)
{
    (void)state;
    expect(KP_QUERY_JSON, "SELECT 1 AS a WHERE 0", "[\n]\n");
    expect(KP_QUERY_JSON,
           "SELECT column1 AS a, column2 AS \"b\"\"\" FROM (VALUES (1, 'x\\y\"'), (0.5, NULL), "
           "(9e999, char(10) || char(1) || CAST(x'c3' AS TEXT)), (x'0a', '\xc3\xa4'), "
           "(9007199254740993, 1))",
           "[\n {\"a\": 1, \"b\\\"\": \"x\\\\y\\\"\"},\n {\"a\": 0.5, \"b\\\"\": null},\n"
           " {\"a\": null, \"b\\\"\": \"\\n\\u0001\xef\xbf\xbd\"},\n"
           " {\"a\": \"0a\", \"b\\\"\": \"\xc3\xa4\"},\n {\"a\": 9007199254740993, \"b\\\"\": "
           "1}\n]\n");
    struct kp_text out = {0};
    struct kp_error e = {0};
    assert_int_equal(kp_query_run(fixture_path, "SELECT 1 AS a, 2 AS a", KP_QUERY_JSON, &out, &e),
                     KP_E_INVALID);
    assert_says(e, "named 'a'");
    assert_null(out.s);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("", "no statement");
    refuse(" -- nothing\n", "no statement");
    refuse("SELECT 1; SELECT 2", "more than one");
    refuse("SELECT 1; nonsense", "more than one");
    refuse("SELEC 1", "near \"SELEC\"");
    refuse("SELECT colour FROM run", "no such column: colour (at character 8)");
    refuse("SELECT json('{')", "malformed JSON");
    refuse("DELETE FROM run", "would change the database");
    refuse("INSERT INTO event (time, kind, text) VALUES (1, 'a', 'b') RETURNING id",
           "would change the database");
    refuse("DROP TABLE run", "would change the database");
    refuse("PRAGMA user_version = 9", "would change the database");
    refuse("ATTACH '/tmp/other.db' AS other", "only statements that read");
    refuse("BEGIN", "no columns");
    expect(KP_QUERY_CSV, "SELECT 1 AS a; -- and no more\n ; ", "a\r\n1\r\n");
    expect(KP_QUERY_CSV, "SELECT count(*) AS n FROM event", "n\r\n0\r\n");
}

static void test_no_file_is_made(void **state)
{
    char sql[512], path[320];
    struct kp_text out = {0};
    struct kp_error e = {0};

    (void)state;
    (void)snprintf(path, sizeof path, "%s/copy.db", fixture_folder);
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", path);
    assert_int_equal(kp_query_run(fixture_path, sql, KP_QUERY_TABLE, &out, &e), KP_E_INVALID);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(kp_query_run(path, "SELECT 1", KP_QUERY_TABLE, &out, &e), KP_E_STORE);
    assert_says(e, path);
    assert_says(e, "No such file");
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_limit(void **state)
{
    (void)state;
    refuse("WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
           "SELECT n, hex(zeroblob(1000000)) AS big FROM c",
           "add LIMIT");
    refuse("SELECT zeroblob(900000000)", "more than 16 MiB");
}

static void test_utf8(void **state)
{
    (void)state;
    assert_int_equal(kp_layout_utf8((const unsigned char *)"a", 1), 1);
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xc3\xa4", 2), 2);
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xe2\x82\xac", 3), 3);
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xf0\x9f\x98\x80", 4), 4);
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xc3\xa4", 1), 0);     /* cut */
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xc0\x80", 2), 0);     /* overlong */
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xe0\x80\x80", 3), 0); /* overlong */
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xed\xa0\x80", 3), 0); /* surrogate */
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\xf4\x90\x80\x80", 4),
                     0); /* too high */
    assert_int_equal(kp_layout_utf8((const unsigned char *)"\x80", 1), 0);
}

/* A reader sees the last commit while a run is being written, and blocks nobody. */
static void test_reads_beside_writer(void **state)
{
    const struct fixture_run lt = {.objective = "lt", .kappa = 0.1, .tau = FIXTURE_NAN, .seed = 11};
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];
    struct kp_store *s = fixture_open();

    (void)state;
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    expect(KP_QUERY_CSV, "SELECT status FROM run", "status\r\nrunning\r\n");
    assert_ok(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, NULL, 0, NULL, 0, &e), e);
    expect(KP_QUERY_CSV, "SELECT status FROM run", "status\r\ndone\r\n");
    fixture_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_table),
        TEST(test_csv),
        TEST(test_json),
        TEST(test_refusals),
        TEST(test_no_file_is_made),
        TEST(test_limit),
        TEST(test_utf8),
        TEST(test_reads_beside_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
