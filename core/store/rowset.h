/* rowset.h - the answer to a query, held in memory. */
#ifndef KP_STORE_ROWSET_H
#define KP_STORE_ROWSET_H

#include "base/arena.h"
#include "store/database.h"

enum kp_field_kind {
    KP_FIELD_NULL = 0,
    KP_FIELD_INTEGER = 1,
    KP_FIELD_REAL = 2,
    KP_FIELD_TEXT = 3, /* a blob too */
};

struct kp_field {
    enum kp_field_kind kind;
    double number;    /* NaN for NULL and for text that is no number */
    const char *text; /* "" for NULL; a real as %.6g */
};

/* Zero-initialise it. */
struct kp_rowset {
    struct kp_arena memory;
    int columns;
    int64_t count;
    const char **names;
    struct kp_field *cells; /* [count][columns] */
};

#define KP_ROWSET_LIMIT (1 << 20) /* cells; above, the query is refused */

/* Step through `s`, a prepared statement with at least one column. */
KP_NODISCARD enum kp_status kp_rowset_read(struct kp_database *d, sqlite3_stmt *s,
                                           struct kp_rowset *out, struct kp_error *e);
void kp_rowset_finish(struct kp_rowset *r);

/* The number of a column, or -1. */
int kp_rowset_column(const struct kp_rowset *r, const char *name);

const struct kp_field *kp_rowset_field(const struct kp_rowset *r, int64_t row, int column);

#endif
