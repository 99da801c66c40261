/* entry.h - an item with the answer of a database: rows, missing cells, verdict. */
#ifndef KP_REPORT_ENTRY_H
#define KP_REPORT_ENTRY_H

#include "base/text.h"
#include "report/item.h"
#include "store/reader.h"

enum kp_verdict {
    KP_CLAIM_HOLDS = 0,
    KP_CLAIM_FAILS = 1,
    KP_CLAIM_OPEN = 2, /* not enough data */
};

/* Zero-initialise it. */
struct kp_entry {
    struct kp_item item;
    char *path;                      /* of the .sql file */
    struct kp_rowset rows;           /* of the query */
    struct kp_rowset missing;        /* see missing.h */
    struct kp_text table, csv, json; /* the rows laid out; json for claims only */
    enum kp_verdict verdict;         /* claims */
    bool indicative;                 /* fewer than KP_SEEDS_ENOUGH seeds in some row */
    int64_t n_least, n_most;         /* of column n, where it is not NULL; 0, 0: nowhere */
    char *svg;                       /* figures, once drawn; or NULL */
    char *problem;                   /* why there is no answer or no drawing; or NULL */
};

#define KP_SEEDS_ENOUGH 5

/* Ask the item's queries. What is wrong with the file or its SQL becomes `problem`; a failure is
 * the database's or the memory's. *is_item = false: some other query, nothing is done. */
KP_NODISCARD enum kp_status kp_entry_make(struct kp_reader *r, const char *path,
                                          struct kp_entry *out, bool *is_item, struct kp_error *e);
void kp_entry_finish(struct kp_entry *x);

/* "holds", "does not hold", "not enough data" */
const char *kp_verdict_text(enum kp_verdict v);

/* "n = 3", "n = 2 to 3", "no rows" */
void kp_entry_n_text(const struct kp_entry *x, char *out, size_t size);

/* For a drawing: "n = 3; bars: sd", the bars only where a standard deviation is drawn. */
void kp_entry_footnote(const struct kp_entry *x, char *out, size_t size);

/* One line for each missing cell: "kd tau 20 kappa 0.1: absent (seeds 11 13)", each between
 * `before` and `after`, at most `most` of them and then how many more; special characters as HTML
 * wants them if `html`. */
void kp_entry_missing_text(const struct kp_entry *x, const char *before, const char *after,
                           int64_t most, bool html, struct kp_text *out);

#endif
