/* agree.c - are two runs, each in a database of its own, the same bit for bit? */
#include "app/agree.h"

#include "app/parts.h"
#include "store/reader.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN = 5 };

/* What is compared: rows of a name and a value, in an order of their own. */
struct aspect {
    const char *title;
    const char *sql;
    bool bits; /* equal runs have equal rows; otherwise a difference only explains another one */
};

static const struct aspect aspects[] = {
    {"weights",
     "SELECT role, sha256 FROM artifact a JOIN run r ON r.id = a.run WHERE r.uid = :a AND "
     "(role = 'model' OR role GLOB 'model@*') ORDER BY 1",
     true},
    {"results",
     "SELECT v.split || ' ' || k.name || printf(' at kappa %!.17g', v.kappa), "
     "coalesce(printf('%!.17g', v.value), v.flag) FROM result v JOIN metric_key k ON k.id = v.key "
     "JOIN run r ON r.id = v.run WHERE r.uid = :a AND v.analysis IS NULL ORDER BY 1",
     true},
    {"comparisons with other runs",
     "SELECT p.split || ' ' || k.name || printf(' at kappa %!.17g', p.kappa) || ' with ' || o.uid, "
     "coalesce(printf('%!.17g', p.value), p.flag) FROM pairwise p JOIN metric_key k ON k.id = "
     "p.key "
     "JOIN run r ON r.id = p.run_a JOIN run o ON o.id = p.run_b WHERE r.uid = :a AND p.analysis IS "
     "NULL ORDER BY 1",
     true},
    {"points of curves",
     "SELECT k.name || ' at step ' || p.step, coalesce(printf('%!.17g', p.value), p.flag) FROM run "
     "r JOIN point p ON p.run = r.id JOIN metric_key k ON k.id = p.key WHERE r.uid = :a "
     "ORDER BY 1",
     true},
    {"program and device",
     "SELECT v.key, coalesce(v.value, '') FROM run r JOIN attempt t ON t.run = r.id AND t.attempt "
     "= r.attempt JOIN json_each(json_object('program', t.build, 'versions', t.versions, 'device', "
     "t.device, 'threads', t.threads, 'git revision', t.git_revision)) v WHERE r.uid = :a ORDER BY "
     "1",
     false},
    {"plugins",
     "SELECT p.kind || ' ' || p.name, p.sha256 FROM run_plugin p JOIN run r ON r.id = p.run WHERE "
     "r.uid "
     "= :a ORDER BY 1",
     false},
    {"examples",
     "SELECT s.role, s.sha256 FROM subset s JOIN run r ON r.id = s.run WHERE r.uid = :a ORDER BY 1",
     false},
};

enum { ASPECTS = sizeof(aspects) / sizeof(aspects[0]) };

static enum kp_status ask(struct kp_reader *r, const char *sql, const char *uid,
                          struct kp_rowset *out, struct kp_error *e)
{
    struct kp_text text = {0};
    enum kp_status st;

    kp_part_sql(sql, uid, NULL, &text);
    st = text.failed ? kp_fail(e, KP_E_NOMEM, "out of memory")
                     : kp_reader_rows(r, text.s, out, NULL, e);
    kp_text_finish(&text);
    return st;
}

static const char *field(const struct kp_rowset *r, int64_t row, int column)
{
    return row < r->count ? kp_rowset_field(r, row, column)->text : "";
}

/* Both are in order of their names: walk them side by side. */
static int64_t print_differences(const struct kp_rowset *a, const struct kp_rowset *b, bool print)
{
    int64_t differing = 0;

    for (int64_t i = 0, k = 0; i < a->count || k < b->count;) {
        int order = i == a->count ? 1 : k == b->count ? -1 : strcmp(field(a, i, 0), field(b, k, 0));
        const char *name = order <= 0 ? field(a, i, 0) : field(b, k, 0);
        const char *before = order <= 0 ? field(a, i, 1) : "not there";
        const char *now = order >= 0 ? field(b, k, 1) : "not there";

        if (strcmp(before, now) != 0 && differing++ < SHOWN && print)
            (void)printf("    %s: recorded %s, now %s\n", name, before, now);
        i += order <= 0;
        k += order >= 0;
    }
    if (print && differing > SHOWN)
        (void)printf("    and %lld more\n", (long long)(differing - SHOWN));
    return differing;
}

static enum kp_status compare(struct kp_reader *const r[2], const char *const uid[2],
                              const struct aspect *x, bool explain, int64_t *differing,
                              struct kp_error *e)
{
    struct kp_rowset a = {0}, b = {0};
    enum kp_status st = ask(r[0], x->sql, uid[0], &a, e);

    *differing = 0;
    if (st == KP_OK)
        st = ask(r[1], x->sql, uid[1], &b, e);
    if (st == KP_OK) {
        *differing = print_differences(&a, &b, false);
        if (x->bits || (explain && *differing > 0))
            (void)printf("%s: %s\n", x->title, *differing == 0 ? "equal" : "different");
        if (x->bits || explain)
            (void)print_differences(&a, &b, true);
    }
    kp_rowset_finish(&a);
    kp_rowset_finish(&b);
    return st;
}

enum kp_status kp_agree_print(const struct kp_agree_run *recorded, const struct kp_agree_run *again,
                              bool *equal, struct kp_error *e)
{
    struct kp_reader *r[2] = {0};
    const char *const uid[2] = {recorded->uid, again->uid};
    bool same = true;
    enum kp_status st = kp_reader_open(recorded->database, &r[0], e);

    if (st == KP_OK)
        st = kp_reader_open(again->database, &r[1], e);
    for (int i = 0; st == KP_OK && i < ASPECTS; i++) {
        int64_t differing = 0;
        st = compare(r, uid, &aspects[i], !same, &differing, e);
        same = same && (!aspects[i].bits || differing == 0);
    }
    kp_reader_close(r[0]);
    kp_reader_close(r[1]);
    if (st == KP_OK)
        *equal = same;
    return st;
}
