/* rates.c - how fast trainings went, by the finished runs of a database. */
#include "app/rates.h"

#include "store/process.h"
#include "store/reader.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL, HOST, PID, STARTED, FINISHED, FLOPS };

static const char sql[] =
    "SELECT * FROM (SELECT r.model, a.host, a.pid, a.started, a.finished, (SELECT p.flops FROM "
    "point p WHERE p.run = r.id AND p.key = (SELECT id FROM metric_key WHERE name = 'train/loss') "
    "ORDER BY p.step DESC LIMIT 1) AS flops FROM run r CROSS JOIN attempt a ON a.run = r.id AND "
    "a.attempt = r.attempt WHERE r.status = 'done' AND r.kind = 'train' AND a.resume_step IS NULL "
    "AND a.finished > a.started ORDER BY r.id DESC LIMIT 5000) WHERE flops > 0 "
    "ORDER BY host, pid, started";

static double number(const struct kp_rowset *r, int64_t row, int column)
{
    return kp_rowset_field(r, row, column)->number;
}

static const char *text(const struct kp_rowset *r, int64_t row, int column)
{
    return kp_rowset_field(r, row, column)->text;
}

/* Of the attempts first ... last of one process, in order of their starts: the time of each, where
 * k at once have 1/k each. `active` has room for all. */
static void share_time(const struct kp_rowset *r, int64_t first, int64_t last, int64_t *active,
                       double *seconds)
{
    double now = number(r, first, STARTED);
    int64_t count = 0, next = first;

    while (count > 0 || next <= last) {
        double until = next <= last ? number(r, next, STARTED) : (double)INFINITY;
        int64_t at = -1; /* place of the one that ends first, if it ends before the next begins */

        for (int64_t i = 0; i < count; i++)
            if (number(r, active[i], FINISHED) <= until) {
                until = number(r, active[i], FINISHED);
                at = i;
            }
        for (int64_t i = 0; i < count; i++)
            seconds[active[i]] += (until - now) / (double)count;
        now = until;
        if (at >= 0)
            active[at] = active[--count];
        else
            active[count++] = next++;
    }
}

static void add(struct kp_rate *r, double flops, double seconds)
{
    r->flops += flops;
    r->seconds += seconds;
}

static void add_run(struct kp_rates *out, const char *model, bool here, double flops,
                    double seconds)
{
    int i = 0;

    add(&out->all, flops, seconds);
    if (here)
        add(&out->here, flops, seconds);
    while (i < out->count && strcmp(out->of[i].model, model) != 0)
        i++;
    if (i == KP_RATES_MODELS)
        return;
    if (i == out->count)
        (void)snprintf(out->of[out->count++].model, sizeof(out->of[i].model), "%s", model);
    add(&out->of[i].all, flops, seconds);
    if (here)
        add(&out->of[i].here, flops, seconds);
}

static bool same_process(const struct kp_rowset *r, int64_t a, int64_t b)
{
    return strcmp(text(r, a, HOST), text(r, b, HOST)) == 0 &&
           number(r, a, PID) == number(r, b, PID);
}

static enum kp_status count_rows(const struct kp_rowset *r, struct kp_rates *out,
                                 struct kp_error *e)
{
    double *seconds = calloc((size_t)r->count + 1, sizeof(*seconds));
    int64_t *active = calloc((size_t)r->count + 1, sizeof(*active));
    struct kp_process self;
    enum kp_status st = seconds && active ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");

    kp_process_self(&self);
    for (int64_t first = 0, last; st == KP_OK && first < r->count; first = last + 1) {
        for (last = first; last + 1 < r->count && same_process(r, first, last + 1);)
            last++;
        share_time(r, first, last, active, seconds);
    }
    for (int64_t i = 0; st == KP_OK && i < r->count; i++)
        add_run(out, text(r, i, MODEL), strcmp(text(r, i, HOST), self.host) == 0,
                number(r, i, FLOPS), seconds[i]);
    free(seconds);
    free(active);
    return st;
}

enum kp_status kp_rates_read(const char *database, struct kp_rates *out, struct kp_error *e)
{
    struct kp_reader *reader = NULL;
    struct kp_rowset rows = {0};
    enum kp_status st = kp_reader_open(database, &reader, e);

    *out = (struct kp_rates){0};
    if (st == KP_OK)
        st = kp_reader_rows(reader, sql, &rows, NULL, e);
    if (st == KP_OK)
        st = count_rows(&rows, out, e);
    kp_rowset_finish(&rows);
    kp_reader_close(reader);
    return st;
}

double kp_rates_expect(const struct kp_rates *r, const char *model, double flops, bool *here)
{
    int i = 0;

    while (i < r->count && strcmp(r->of[i].model, model) != 0)
        i++;
    const struct kp_rate *order[] = {i < r->count ? &r->of[i].here : &r->here, &r->here,
                                     i < r->count ? &r->of[i].all : &r->all, &r->all};
    for (int k = 0; k < 4; k++)
        if (order[k]->flops > 0 && flops > 0) {
            *here = k < 2;
            return flops * order[k]->seconds / order[k]->flops;
        }
    return -1;
}
