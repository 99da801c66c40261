/* reader.h - a run database opened for the SQL of people: read-only, one statement at a time. */
#ifndef KP_STORE_READER_H
#define KP_STORE_READER_H

#include "store/query.h"
#include "store/rowset.h"
#include "store/scope.h"

/* Not for several threads at once. Knows the functions of functions.h and the
 * temporary views of kp_scope_begin(). */
struct kp_reader;

KP_NODISCARD enum kp_status kp_reader_open(const char *database, struct kp_reader **out,
                                           struct kp_error *e);
void kp_reader_close(struct kp_reader *r);

/* From here on every statement sees the database as it is now, whatever others write. */
KP_NODISCARD enum kp_status kp_reader_freeze(struct kp_reader *r, struct kp_error *e);

/* Narrow what statements see to the runs of `scope`, and make its cells the table `planned`; see
 * scope.h. Replaces an earlier scope. */
KP_NODISCARD enum kp_status kp_reader_scope(struct kp_reader *r, const struct kp_scope *scope,
                                            struct kp_error *e);

/* Run one statement that reads. KP_E_INVALID for what is wrong with the statement itself; *at then
 * is the byte of it where SQLite saw the error, or -1. `at` may be NULL. */
KP_NODISCARD enum kp_status kp_reader_layout(struct kp_reader *r, const char *sql,
                                             enum kp_query_format format, struct kp_text *out,
                                             int *at, struct kp_error *e);
KP_NODISCARD enum kp_status kp_reader_rows(struct kp_reader *r, const char *sql,
                                           struct kp_rowset *out, int *at, struct kp_error *e);

#endif
