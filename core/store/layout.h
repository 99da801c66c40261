/* layout.h - the rows of a statement as text. */
#ifndef KP_STORE_LAYOUT_H
#define KP_STORE_LAYOUT_H

#include "base/text.h"
#include "store/database.h"

/* A result above this is refused with the advice to ask for less. */
#define KP_LAYOUT_LIMIT (256u << 20)

/* Each steps through `s`, a prepared statement with at least one column, and adds to `out`. */

/* Columns aligned under a header; numbers to the right, reals with six digits, NULL as "-". */
KP_NODISCARD enum kp_status kp_layout_table(struct kp_database *d, sqlite3_stmt *s,
                                            struct kp_text *out, struct kp_error *e);

/* RFC 4180 with a header; reals as written by kp_real_text(); NULL is empty, an empty text "". */
KP_NODISCARD enum kp_status kp_layout_csv(struct kp_database *d, sqlite3_stmt *s,
                                          struct kp_text *out, struct kp_error *e);

/* An array of objects; blobs as hexadecimal text; infinite numbers as null. */
KP_NODISCARD enum kp_status kp_layout_json(struct kp_database *d, sqlite3_stmt *s,
                                           struct kp_text *out, struct kp_error *e);

/* KP_E_INVALID if `out` has passed the limit, KP_E_NOMEM if it has failed. */
KP_NODISCARD enum kp_status kp_layout_check(const struct kp_text *out, struct kp_error *e);

/* How many of the n bytes at s are printable ASCII without quote or backslash, up to the first
 * other one: what no format escapes. */
size_t kp_layout_plain(const unsigned char *s, size_t n);

/* Bytes of the UTF-8 character at s, which has n >= 1 bytes left; 0 if it is malformed. */
size_t kp_layout_utf8(const unsigned char *s, size_t n);

#endif
