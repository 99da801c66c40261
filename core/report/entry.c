/* entry.c - an item with the answer of a database: rows, missing cells, verdict. */
#include "report/entry.h"

#include "report/html.h"
#include "report/missing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *kp_verdict_text(enum kp_verdict v)
{
    switch (v) {
    case KP_CLAIM_HOLDS:
        return "holds";
    case KP_CLAIM_FAILS:
        return "does not hold";
    case KP_CLAIM_OPEN:
        return "not enough data";
    }
    return "";
}

static enum kp_status need_columns(const struct kp_entry *x, struct kp_error *e)
{
    static const char *const figure[] = {"n", NULL};
    static const char *const claim[] = {"n", "mean", "sd", "seeds", "holds", NULL};
    static const char *const why[] = {
        "n: over how many seeds a row is taken, or of how many examples",
        "n: over how many seeds a row is taken, or of how many examples",
        "n, mean, sd, seeds and holds (1, 0 or NULL) for each row",
    };
    const char *const *names = x->item.kind == KP_ITEM_CLAIM ? claim : figure;

    for (int i = 0; names[i]; i++)
        if (kp_rowset_column(&x->rows, names[i]) < 0) {
            (void)kp_fail(e, KP_E_INVALID, "the query of a %s has no column '%s'; it gives %s",
                          kp_item_kind_words[x->item.kind], names[i], why[x->item.kind]);
            return kp_item_fail(&x->item, x->item.query, x->item.query_line, -1, e);
        }
    return KP_OK;
}

static void judge(struct kp_entry *x)
{
    int n = kp_rowset_column(&x->rows, "n"), holds = kp_rowset_column(&x->rows, "holds");
    bool fails = false, open = x->rows.count == 0, first = true;

    for (int64_t i = 0; i < x->rows.count; i++) {
        const struct kp_field *count = kp_rowset_field(&x->rows, i, n);
        int64_t v =
            isfinite(count->number) && fabs(count->number) < 1e15 ? (int64_t)count->number : 0;
        if (count->kind != KP_FIELD_NULL) {
            x->n_least = first || v < x->n_least ? v : x->n_least;
            x->n_most = first || v > x->n_most ? v : x->n_most;
            first = false;
        }
        if (holds < 0)
            continue;
        const struct kp_field *h = kp_rowset_field(&x->rows, i, holds);
        open |= isnan(h->number);
        fails |= h->number == 0.0;
        x->indicative |= !isnan(h->number) && v < KP_SEEDS_ENOUGH;
    }
    x->verdict = fails ? KP_CLAIM_FAILS : open ? KP_CLAIM_OPEN : KP_CLAIM_HOLDS;
    x->indicative &= x->verdict != KP_CLAIM_OPEN;
}

static enum kp_status ask(struct kp_reader *r, struct kp_entry *x, struct kp_error *e)
{
    const struct kp_item *item = &x->item;
    int at = -1;
    enum kp_status st = kp_reader_rows(r, item->query, &x->rows, &at, e);

    if (st == KP_OK)
        st = kp_reader_layout(r, item->query, KP_QUERY_TABLE, &x->table, &at, e);
    if (st == KP_OK)
        st = kp_reader_layout(r, item->query, KP_QUERY_CSV, &x->csv, &at, e);
    if (st == KP_OK && item->kind == KP_ITEM_CLAIM)
        st = kp_reader_layout(r, item->query, KP_QUERY_JSON, &x->json, &at, e);
    if (st == KP_E_INVALID || st == KP_E_STORE)
        return kp_item_fail(item, item->query, item->query_line, at, e);
    if (st == KP_OK)
        st = need_columns(x, e);
    if (st == KP_OK) {
        judge(x);
        st = kp_missing_find(r, item, &x->missing, e);
    }
    return st;
}

enum kp_status kp_entry_make(struct kp_reader *r, const char *path, struct kp_entry *out,
                             bool *is_item, struct kp_error *e)
{
    struct kp_entry x = {.path = strdup(path)};
    enum kp_status st =
        x.path ? kp_item_read(path, &x.item, is_item, e) : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st == KP_OK && !*is_item) {
        free(x.path);
        return KP_OK;
    }
    if (st == KP_OK)
        st = ask(r, &x, e);
    *is_item = true;
    if (st == KP_E_INVALID || st == KP_E_FORMAT || st == KP_E_IO) {
        x.problem = strdup(e->text);
        st = x.problem ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
        if (st == KP_OK)
            *e = (struct kp_error){0};
        x.verdict = KP_CLAIM_OPEN;
    }
    if (st == KP_OK)
        *out = x;
    else
        kp_entry_finish(&x);
    return st;
}

void kp_entry_finish(struct kp_entry *x)
{
    kp_item_finish(&x->item);
    kp_rowset_finish(&x->rows);
    kp_rowset_finish(&x->missing);
    kp_text_finish(&x->table);
    kp_text_finish(&x->csv);
    kp_text_finish(&x->json);
    free(x->path);
    free(x->svg);
    free(x->problem);
    *x = (struct kp_entry){0};
}

void kp_entry_n_text(const struct kp_entry *x, char *out, size_t size)
{
    if (x->rows.count == 0)
        (void)snprintf(out, size, "no rows");
    else if (x->n_least == x->n_most)
        (void)snprintf(out, size, "n = %lld", (long long)x->n_least);
    else
        (void)snprintf(out, size, "n = %lld to %lld", (long long)x->n_least, (long long)x->n_most);
}

/* Does some row have a number in the column? */
static bool has_number(const struct kp_rowset *rows, const char *name)
{
    int column = kp_rowset_column(rows, name);

    for (int64_t i = 0; i < rows->count && column >= 0; i++)
        if (!isnan(kp_rowset_field(rows, i, column)->number))
            return true;
    return false;
}

void kp_entry_footnote(const struct kp_entry *x, char *out, size_t size)
{
    char n[64];

    kp_entry_n_text(x, n, sizeof n);
    (void)snprintf(out, size, "%s%s", n,
                   has_number(&x->rows, "sd") || has_number(&x->rows, "y_sd") ? "; bars: sd" : "");
}

void kp_entry_missing_text(const struct kp_entry *x, const char *before, const char *after,
                           int64_t most, bool html, struct kp_text *out)
{
    for (int64_t i = 0; i < x->missing.count && i < most; i++) {
        const char *seeds = kp_rowset_field(&x->missing, i, 2)->text;
        struct kp_text line = {0};

        kp_text_addf(&line, "%s: %s", kp_rowset_field(&x->missing, i, 0)->text,
                     kp_rowset_field(&x->missing, i, 1)->text);
        if (*seeds)
            kp_text_addf(&line, " (%s %s)", strchr(seeds, ' ') ? "seeds" : "seed", seeds);
        for (char *c = line.s; c && *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                *c = ' ';
        out->failed |= line.failed;
        kp_text_add(out, before);
        if (html)
            kp_html_add(out, line.s ? line.s : "");
        else
            kp_text_add(out, line.s ? line.s : "");
        kp_text_add(out, after);
        kp_text_finish(&line);
    }
    if (x->missing.count > most)
        kp_text_addf(out, "%sand %lld more%s", before, (long long)(x->missing.count - most), after);
}
