/* missing.c - the cells that an item expects and the database does not have. */
#include "report/missing.h"

#include "base/text.h"

#include <string.h>

static const char all_students[] = "SELECT * FROM planned WHERE role IS NOT 'teacher'";

/* Columns of the expected cells, in the order in which a cell's name shows them. */
static const struct {
    const char *name;
    const char *shown; /* how the cell's name shows a value; NULL: not shown */
} columns_known[] = {
    {"name", " %s"},       {"dataset", " %s"}, {"model", " %s"},       {"teacher", " from %s"},
    {"objective", " %s"},  {"tau", " tau %g"}, {"kappa", " kappa %g"}, {"seed", NULL},
    {"config_hash", NULL}, {"kind", NULL},
};

enum { KNOWN = sizeof columns_known / sizeof columns_known[0] };

static int find_known(const char *name)
{
    for (int i = 0; i < KNOWN; i++)
        if (strcmp(columns_known[i].name, name) == 0)
            return i;
    return -1;
}

static enum kp_status check_columns(const struct kp_rowset *head, struct kp_error *e)
{
    int usable = 0;

    for (int i = 0; i < head->columns; i++) {
        bool fine = find_known(head->names[i]) >= 0 || strcmp(head->names[i], "role") == 0;
        usable += find_known(head->names[i]) >= 0;
        if (!fine)
            return kp_fail(e, KP_E_INVALID,
                           "the expected cells have a column '%s'; name, dataset, model, teacher, "
                           "objective, tau, kappa, seed, kind, config_hash",
                           head->names[i]);
    }
    return usable > 0 ? KP_OK
                      : kp_fail(e, KP_E_INVALID, "the expected cells have no column of run");
}

/* What a run that is there is called, by status and by the metrics that it needs. */
static void add_state(struct kp_text *sql, const char *needs)
{
    kp_text_add(sql, "CASE WHEN r.status = 'failed' THEN 'failed: ' || "
                     "coalesce(substr(r.error, 1, 200), 'no reason is recorded') "
                     "WHEN r.status <> 'done' THEN r.status ");
    while (*needs) {
        size_t n = strcspn(needs, " ");
        if (n > 0) {
            kp_text_add(sql, "WHEN NOT EXISTS (SELECT 1 FROM result v JOIN metric_key k "
                             "ON k.id = v.key WHERE v.run = r.id AND v.value IS NOT NULL "
                             "AND k.name = '");
            for (size_t i = 0; i < n; i++)
                kp_text_add_bytes(sql, needs[i] == '\'' ? "''" : needs + i,
                                  needs[i] == '\'' ? 2 : 1);
            kp_text_addf(sql, "') THEN 'done, without %.*s' ", (int)strcspn(needs, " '"), needs);
        }
        needs += n + strspn(needs + n, " ");
    }
    kp_text_add(sql, "ELSE 'done' END");
}

static void compose(struct kp_text *sql, const struct kp_rowset *head, const char *expect,
                    const char *needs)
{
    bool seed = kp_rowset_column(head, "seed") >= 0;
    bool hash = kp_rowset_column(head, "config_hash") >= 0;
    bool kappa = kp_rowset_column(head, "kappa") >= 0;

    kp_text_addf(sql,
                 "SELECT cell, state, %s AS seeds, count(*) AS runs, kappa "
                 "FROM (SELECT ltrim(''",
                 seed ? "replace(group_concat(DISTINCT seed), ',', ' ')" : "NULL");
    for (int i = 0; i < KNOWN; i++)
        if (columns_known[i].shown && kp_rowset_column(head, columns_known[i].name) >= 0)
            kp_text_addf(sql, " || iif(e.%s IS NULL, '', format('%s', e.%s))",
                         columns_known[i].name, columns_known[i].shown, columns_known[i].name);
    kp_text_addf(sql,
                 ") AS cell, %s AS seed, %s AS kappa, row_number() OVER (%s) AS place, "
                 "coalesce((SELECT state FROM (SELECT ",
                 seed ? "e.seed" : "NULL", kappa ? "e.kappa" : "NULL",
                 kappa ? "ORDER BY e.kappa" : "");
    add_state(sql, needs);
    kp_text_add(sql, " AS state, r.created AS created FROM run r WHERE 1");
    for (int i = 0; i < KNOWN; i++) {
        const char *name = columns_known[i].name;
        bool use = hash ? strcmp(name, "config_hash") == 0 : kp_rowset_column(head, name) >= 0;
        if (use)
            kp_text_addf(sql, " AND r.%s IS e.%s", name, name);
    }
    kp_text_addf(sql,
                 ") ORDER BY state = 'done' DESC, created DESC LIMIT 1), 'absent') AS state "
                 "FROM (%s\n) e%s) WHERE state <> 'done' GROUP BY cell, state ORDER BY min(place)",
                 expect, seed ? " ORDER BY seed" : "");
}

enum kp_status kp_missing_find(struct kp_reader *r, const struct kp_item *item,
                               struct kp_rowset *out, struct kp_error *e)
{
    bool own = *item->expect != '\0';
    const char *expect = own ? item->expect : all_students;
    struct kp_rowset head = {0};
    struct kp_text sql = {0};
    int at = -1;
    enum kp_status st = kp_reader_rows(r, expect, &head, &at, e);

    if (st == KP_OK)
        st = check_columns(&head, e);
    if (st == KP_OK) {
        compose(&sql, &head, expect, item->needs);
        st = sql.failed ? kp_fail(e, KP_E_NOMEM, "out of memory")
                        : kp_reader_rows(r, sql.s, out, NULL, e);
    }
    if (st != KP_OK && own)
        st = kp_item_fail(item, item->expect, item->expect_line, at, e);
    kp_rowset_finish(&head);
    kp_text_finish(&sql);
    return st;
}
