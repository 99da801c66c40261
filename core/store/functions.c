/* functions.c - the SQL functions that kappa adds to SQLite's own for reading. */
#include "store/functions.h"

#include "base/clock.h"
#include "store/process.h"
#include "store/statistics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool any_null(int count, sqlite3_value **v)
{
    for (int i = 0; i < count; i++)
        if (sqlite3_value_type(v[i]) == SQLITE_NULL)
            return true;
    return false;
}

static void t_quantile(sqlite3_context *c, int count, sqlite3_value **v)
{
    if (!any_null(count, v)) /* a NaN becomes NULL */
        sqlite3_result_double(
            c, kp_t_quantile(sqlite3_value_double(v[0]), sqlite3_value_double(v[1])));
}

static void t_test(sqlite3_context *c, int count, sqlite3_value **v)
{
    if (!any_null(count, v))
        sqlite3_result_double(c, kp_t_test(sqlite3_value_double(v[0]), sqlite3_value_double(v[1]),
                                           sqlite3_value_double(v[2]), sqlite3_value_double(v[3])));
}

static void copy_text(char *out, size_t size, sqlite3_value *v)
{
    const unsigned char *text = sqlite3_value_text(v);
    (void)snprintf(out, size, "%s", text ? (const char *)text : "");
}

static void alive(sqlite3_context *c, int count, sqlite3_value **v)
{
    struct kp_process self, other = {0};

    if (any_null(count, v))
        return;
    kp_process_self(&self);
    copy_text(other.host, sizeof other.host, v[0]);
    copy_text(other.boot, sizeof other.boot, v[1]);
    other.pid = sqlite3_value_int64(v[2]);
    other.started = sqlite3_value_int64(v[3]);
    sqlite3_result_int(
        c, kp_process_alive(&other, &self, kp_clock_wall() - sqlite3_value_double(v[4])));
}

/* Means and sums of squared deviations, updated row by row (Welford 1962). */
struct moments {
    int64_t n;
    double mean_x, mean_y;
    double xx, yy, xy;
};

static void add_row(sqlite3_context *c, int count, sqlite3_value **v)
{
    struct moments *m = sqlite3_aggregate_context(c, (int)sizeof *m);
    double x, y, dx, dy;

    if (any_null(count, v))
        return;
    if (!m) {
        sqlite3_result_error_nomem(c);
        return;
    }
    x = sqlite3_value_double(v[0]);
    y = count > 1 ? sqlite3_value_double(v[1]) : x;
    m->n++;
    dx = x - m->mean_x;
    dy = y - m->mean_y;
    m->mean_x += dx / (double)m->n;
    m->mean_y += dy / (double)m->n;
    m->xx += dx * (x - m->mean_x);
    m->yy += dy * (y - m->mean_y);
    m->xy += dx * (y - m->mean_y);
}

static const struct moments *get(sqlite3_context *c)
{
    const struct moments *m = sqlite3_aggregate_context(c, 0);
    return m && m->n >= 2 ? m : NULL;
}

static void end_sd(sqlite3_context *c)
{
    const struct moments *m = get(c);
    if (m)
        sqlite3_result_double(c, sqrt(m->xx / (double)(m->n - 1)));
}

static void end_corr(sqlite3_context *c)
{
    const struct moments *m = get(c);
    if (m && m->xx > 0.0 && m->yy > 0.0)
        sqlite3_result_double(c, m->xy / sqrt(m->xx) / sqrt(m->yy));
}

static void end_slope(sqlite3_context *c)
{
    const struct moments *m = get(c);
    if (m && m->xx > 0.0)
        sqlite3_result_double(c, m->xy / m->xx);
}

enum kp_status kp_functions_add(struct kp_database *d, struct kp_error *e)
{
    static const struct {
        const char *name;
        int arguments;
        int flags;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
        void (*row)(sqlite3_context *, int, sqlite3_value **);
        void (*end)(sqlite3_context *);
    } all[] = {
        {"t_quantile", 2, SQLITE_DETERMINISTIC, t_quantile, NULL, NULL},
        {"t_test", 4, SQLITE_DETERMINISTIC, t_test, NULL, NULL},
        {"sd", 1, SQLITE_DETERMINISTIC, NULL, add_row, end_sd},
        {"corr", 2, SQLITE_DETERMINISTIC, NULL, add_row, end_corr},
        {"slope", 2, SQLITE_DETERMINISTIC, NULL, add_row, end_slope},
        {"alive", 5, 0, alive, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (sqlite3_create_function_v2(d->handle, all[i].name, all[i].arguments,
                                       SQLITE_UTF8 | SQLITE_INNOCUOUS | all[i].flags, NULL,
                                       all[i].call, all[i].row, all[i].end, NULL) != SQLITE_OK)
            return kp_database_fail(d, e);
    return KP_OK;
}
