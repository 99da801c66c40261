/* parts.h - what a database says of a run or of two, as tables under titles. */
#ifndef KP_APP_PARTS_H
#define KP_APP_PARTS_H

#include "store/store.h"

struct kp_part {
    const char *title;
    const char *sql;  /* one SELECT; :a and :b stand for the uids */
    const char *none; /* what to say where there is no row; NULL: leave the part out */
};

/* Print the parts on standard output, all of one state of the database. `b` may be NULL. Returns an
 * exit status. */
KP_NODISCARD int kp_parts_print(const char *database, const struct kp_part *parts, int count,
                                const char *a, const char *b);

/* The SELECT of a part with the uids in their places. */
void kp_part_sql(const char *sql, const char *a, const char *b, struct kp_text *out);

#endif
