/* claims.c - `kappa claims`: the statements of a study, each held against the run database. */
#include "app/command.h"
#include "app/output.h"
#include "app/sources.h"

#include <string.h>

static const char *const verdict_words[] = {"holds", "fails", "open"};

static void print_verdict(const struct kp_entry *x)
{
    enum kp_colour colour = x->verdict == KP_CLAIM_HOLDS   ? KP_GREEN
                            : x->verdict == KP_CLAIM_FAILS ? KP_RED
                                                           : KP_YELLOW;

    (void)printf("%s%s%s%s\n", kp_colour_on(stdout, colour), kp_verdict_text(x->verdict),
                 kp_colour_off(stdout), x->indicative ? ", indicative" : "");
}

static void print_indented(const char *text)
{
    while (text && *text) {
        size_t n = strcspn(text, "\n");
        (void)printf("    %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

/* What would decide a claim that lacks data. */
static void print_advice(const struct kp_entry *x, const char *database)
{
    for (const char *at = x->item.from; *at && x->verdict == KP_CLAIM_OPEN;) {
        int n = (int)strcspn(at, " ");
        (void)printf("    decided by: kappa run %.*s --db %s\n", n, at, database);
        at += (size_t)n + strspn(at + n, " ");
    }
}

static void print_claim(const struct kp_entry *x, const char *database)
{
    struct kp_text missing = {0};

    (void)printf("%s: ", x->item.name);
    print_verdict(x);
    (void)printf("    %s\n    test: %s\n", x->item.title, x->item.statistics);
    if (*x->item.note)
        (void)printf("    note: %s\n", x->item.note);
    if (x->rows.count > 0) {
        (void)printf("\n");
        print_indented(x->table.s);
    }
    kp_entry_missing_text(x, "    missing  ", "\n", 10, false, &missing);
    if (missing.s)
        (void)fputs(missing.s, stdout);
    print_advice(x, database);
    (void)printf("\n");
    kp_text_finish(&missing);
}

static void add_csv(const char *text, struct kp_text *out)
{
    bool quote = strpbrk(text, ",\"\r\n") != NULL;

    kp_text_add(out, quote ? "\"" : "");
    for (; *text; text++)
        kp_text_add_bytes(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    kp_text_add(out, quote ? "\"" : "");
}

/* One line for each row of each claim; one for a claim without rows. */
static void print_csv(const struct kp_entry *x)
{
    static const char *const columns[] = {"part", "n", "mean", "sd", "bound", "seeds", "holds"};
    struct kp_text out = {0};

    for (int64_t row = 0; row < x->rows.count || row == 0; row++) {
        add_csv(x->item.name, &out);
        kp_text_addf(&out, ",%s,%d", verdict_words[x->verdict], x->indicative);
        for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
            int at = kp_rowset_column(&x->rows, columns[i]);
            kp_text_add(&out, ",");
            if (at >= 0 && row < x->rows.count)
                add_csv(kp_rowset_field(&x->rows, row, at)->text, &out);
        }
        kp_text_add(&out, "\r\n");
    }
    (void)fputs(out.s ? out.s : "", stdout);
    kp_text_finish(&out);
}

/* Names, titles and notes are text; the rows are JSON already. */
static void add_json(const char *key, const char *text, struct kp_text *out)
{
    kp_text_addf(out, "\"%s\": \"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20)
            kp_text_addf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            kp_text_add_bytes(out, text, 1);
    }
    kp_text_add(out, "\", ");
}

static void print_json(const struct kp_entry *x, bool first)
{
    struct kp_text out = {0};

    kp_text_add(&out, first ? "" : ",\n");
    kp_text_add(&out, "{");
    add_json("claim", x->item.name, &out);
    add_json("title", x->item.title, &out);
    add_json("test", x->item.statistics, &out);
    add_json("verdict", verdict_words[x->verdict], &out);
    kp_text_addf(&out, "\"indicative\": %s, \"missing\": %lld, \"rows\": %s}",
                 x->indicative ? "true" : "false", (long long)x->missing.count,
                 x->json.s ? x->json.s : "[]");
    (void)fputs(out.s ? out.s : "", stdout);
    kp_text_finish(&out);
}

struct tally {
    int64_t of[3]; /* by enum kp_verdict */
    int64_t problems, claims;
};

static void print_all(const struct kp_report *r, enum kp_query_format format, struct tally *t)
{
    if (format == KP_QUERY_CSV)
        (void)printf("claim,verdict,indicative,part,n,mean,sd,bound,seeds,holds\r\n");
    if (format == KP_QUERY_JSON)
        (void)printf("[");
    for (int64_t i = 0; i < r->count; i++)
        for (int64_t k = 0; k < r->sections[i].count; k++) {
            const struct kp_entry *x = &r->sections[i].entries[k];
            if (x->problem && (!x->item.title || x->item.kind == KP_ITEM_CLAIM)) {
                kp_say("%s", x->problem);
                t->problems++;
            } else if (!x->problem && x->item.kind == KP_ITEM_CLAIM) {
                if (format == KP_QUERY_CSV)
                    print_csv(x);
                else if (format == KP_QUERY_JSON)
                    print_json(x, t->claims == 0);
                else
                    print_claim(x, r->database);
                t->of[x->verdict]++;
                t->claims++;
            }
        }
    if (format == KP_QUERY_JSON)
        (void)printf("]\n");
    if (format == KP_QUERY_TABLE)
        (void)printf("%lld claims: %lld hold, %lld do not hold, %lld without enough data\n",
                     (long long)t->claims, (long long)t->of[KP_CLAIM_HOLDS],
                     (long long)t->of[KP_CLAIM_FAILS], (long long)t->of[KP_CLAIM_OPEN]);
}

static int command_claims(const struct kp_arguments *a)
{
    struct kp_sources sources = {0};
    struct kp_report *report = NULL;
    struct kp_error e = {0};
    struct tally t = {0};
    int code = kp_sources_find(a, true, "experiments/claims", &sources);

    if (code == KP_EXIT_DONE &&
        kp_report_ask(a->db, sources.v, sources.count, &report, &e) != KP_OK)
        code = (int)kp_say_error(&e);
    if (report) {
        print_all(report, a->format, &t);
        if (t.problems > 0)
            code = KP_EXIT_USAGE;
        if (t.claims + t.problems == 0) {
            kp_say("no claim there; claims are .sql files with a line '-- kind: claim'");
            code = KP_EXIT_USAGE;
        }
    }
    kp_report_destroy(report);
    kp_sources_finish(&sources);
    return code;
}

const struct kp_command kp_command_claims = {
    .name = "claims",
    .summary = "the study's statements: hold, do not hold, not enough data",
    .synopsis = "[EXP.ini | FOLDER] [OPTION]...",
    .details =
        "Each claim is an .sql file with a line '-- kind: claim'. With an experiment: the claims\n"
        "beside it and those in the folder 'claims' next to its own, about its runs. With a\n"
        "folder: those in it. Neither: experiments/claims, about all runs of the database. Every\n"
        "row shows n, mean, sd and the seeds; with fewer than 5 seeds a verdict is called\n"
        "indicative. A claim that does not hold is no error.\n",
    .example = "  kappa claims experiments/table2/small.ini --db c10.db\n",
    .flags = KP_FLAG_DB | KP_FLAG_FORMAT | KP_FLAG_SET | KP_FLAG_SWEEP | KP_FLAG_YES,
    .least = 0,
    .most = 1,
    .run = command_claims,
};
