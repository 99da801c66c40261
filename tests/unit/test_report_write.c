/* test_report_write.c - the files of a report: data, drawings, page, and folders that refuse. */
#include "report_fixture.h"

#include "base/file.h"

static char out_folder[512];

static struct kp_report *write_report(struct kp_report_result *result)
{
    struct kp_report *r = report_ask();
    struct kp_error e = {0};

    (void)snprintf(out_folder, sizeof out_folder, "%s/out", fixture_folder);
    assert_ok(kp_report_write(r, out_folder, result, &e), e);
    return r;
}

/* The text of OUT/SECTION/name, or OUT/name for a page; NULL if there is none. */
static char *read_out(const struct kp_report *r, const char *name)
{
    char path[1024];
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct kp_error e = {0};

    if (r)
        (void)snprintf(path, sizeof path, "%s/%s/%s", out_folder, r->sections[0].name, name);
    else
        (void)snprintf(path, sizeof path, "%s/%s", out_folder, name);
    return kp_file_read(path, 1 << 22, &bytes, &size, &e) == KP_OK ? (char *)bytes : NULL;
}

static void expect_in(char *text, const char *part)
{
    assert_non_null(text);
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
}

static void put_figure(const char *template)
{
    report_put("curve.sql", REPORT_FIGURE_SQL REPORT_GRID);
    report_put("curve.gp", template);
}

static bool have_gnuplot(void)
{
    return system("gnuplot --version >/dev/null 2>&1") == 0;
}

static void test_files(void **state)
{
    struct kp_report_result result = {0};

    (void)state;
    put_figure(REPORT_TEMPLATE);
    report_put("increments.sql", REPORT_TABLE_SQL);
    struct kp_report *r = write_report(&result);
    assert_int_equal(result.figures, 1);
    assert_int_equal(result.tables, 1);
    assert_int_equal(result.problems, 0);

    char *data = read_out(r, "curve.dat");
    assert_non_null(data);
    assert_string_equal(data, "\"series\"\t\"x\"\t\"y\"\t\"sd\"\t\"n\"\n"
                              "\"kd\"\t0.02\t32.666666666666664\t0.7638\t3\n"
                              "\"kd\"\t0.1\t52.166666666666664\t1.0408\t3\n"
                              "\"kd\"\t1\t65.75\tNaN\t1\n"
                              "\n\n"
                              "\"series\"\t\"x\"\t\"y\"\t\"sd\"\t\"n\"\n"
                              "\"lt\"\t0.02\t30.166666666666668\t0.7638\t3\n"
                              "\"lt\"\t0.1\t47.666666666666664\t0.7638\t3\n"
                              "\"lt\"\t1\t65.5\t0.5\t3\n");
    free(data);
    char *script = read_out(r, "curve.gnuplot");
    expect_in(script, "heading = 'Accuracy''s \"curve\" <&>'");
    expect_in(script, "xname = 'κ'");
    expect_in(script, "curves = 2");
    expect_in(script, "series[2] = 'lt'; look[2] = 2;");
    expect_in(script, "footnote = 'n = 1 to 3; bars: sd'");
    expect_in(script, "set key left");
    free(script);
    char *csv = read_out(r, "increments.csv");
    assert_non_null(csv);
    assert_string_equal(csv, "objective,kappa,n,lt,pi,sd\r\nkd,0.02,3,30.17,2.5,0.5\r\n"
                             "kd,0.1,3,47.67,4.5,0.5\r\nkd,1,1,65.5,0.25,\r\n");
    free(csv);
    char *text = read_out(r, "curve.txt");
    expect_in(text, "n = 1 to 3");
    expect_in(text, "kd tau 20 kappa 1: absent (seed 11)");
    free(text);
    char *page = read_out(NULL, "index.html");
    expect_in(page, "Accuracy's &quot;curve&quot; &lt;&amp;&gt;");
    expect_in(page, "kd tau 20 kappa 1: failed: loss is NaN at step 7 (seed 13)");
    expect_in(page, "FROM v_pi WHERE metric = 'test/accuracy'");
    expect_in(page, "<td class=\"number\">30.17</td>");
    expect_in(page, "<th class=\"number\">pi</th>");
    expect_in(page, "increments.csv\">CSV</a>");
    free(page);
    kp_report_destroy(r);
}

static void test_drawing(void **state)
{
    struct kp_report_result result = {0};

    (void)state;
    if (!have_gnuplot())
        skip();
    put_figure(REPORT_TEMPLATE);
    struct kp_report *r = write_report(&result);
    assert_true(result.gnuplot);
    assert_int_equal(result.drawn, 1);
    char *svg = read_out(r, "curve.svg");
    expect_in(svg, "<svg");
    expect_in(svg, "accuracy (%)");
    expect_in(svg, "gnuplot_plot_2");
    free(svg);
    char *pdf = read_out(r, "curve.pdf");
    assert_non_null(pdf);
    assert_memory_equal(pdf, "%PDF", 4);
    free(pdf);
    char *page = read_out(NULL, "index.html");
    expect_in(page, "src=\"data:image/svg+xml;charset=utf-8,");
    free(page);
    kp_report_destroy(r);

    /* What cannot be drawn is told, and no older drawing stands for it. */
    put_figure("plot data using \"colour\":\"y\"\nnonsense\n");
    r = write_report(&result);
    assert_int_equal(result.problems, 1);
    assert_int_equal(result.drawn, 0);
    const struct kp_entry *x = &r->sections[0].entries[0];
    assert_non_null(x->problem);
    assert_non_null(strstr(x->problem, "curve.gp: gnuplot: "));
    assert_null(read_out(r, "curve.svg"));
    kp_report_destroy(r);
}

static void test_without_gnuplot(void **state)
{
    struct kp_report_result result = {0};
    const char *path = getenv("PATH");
    char *kept = strdup(path ? path : "");

    (void)state;
    put_figure(REPORT_TEMPLATE);
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    struct kp_report *r = write_report(&result);
    assert_int_equal(setenv("PATH", kept, 1), 0);
    free(kept);
    assert_false(result.gnuplot);
    assert_int_equal(result.problems, 0);
    char *page = read_out(NULL, "index.html");
    expect_in(page, "gnuplot was not there");
    expect_in(page, "32.6667");
    free(page);
    kp_report_destroy(r);
}

static void test_no_template(void **state)
{
    struct kp_report_result result = {0};

    (void)state;
    report_put("curve.sql", REPORT_FIGURE_SQL);
    struct kp_report *r = write_report(&result);
    assert_int_equal(result.problems, 1);
    assert_non_null(strstr(r->sections[0].entries[0].problem, "curve.sql: its template: "));
    assert_non_null(strstr(r->sections[0].entries[0].problem, "curve.gp"));
    kp_report_destroy(r);
}

static void test_no_folder(void **state)
{
    struct kp_report_result result = {0};
    struct kp_error e = {0};
    char path[1024];

    (void)state;
    report_put("increments.sql", REPORT_TABLE_SQL);
    report_put("file", "");
    struct kp_report *r = report_ask();
    (void)snprintf(path, sizeof path, "%s/file/out", fixture_folder);
    assert_int_equal(kp_report_write(r, path, &result, &e), KP_E_IO);
    assert_says(e, "file");
    if (geteuid() != 0) {
        (void)snprintf(path, sizeof path, "%s/locked", fixture_folder);
        assert_int_equal(mkdir(path, 0500), 0);
        assert_int_equal(kp_report_write(r, path, &result, &e), KP_E_IO);
        assert_says(e, "locked");
    }
    kp_report_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_drawing, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_without_gnuplot, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_template, report_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_folder, report_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
