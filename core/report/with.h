/* with.h - common table expressions that an item's query takes from other files. */
#ifndef KP_REPORT_WITH_H
#define KP_REPORT_WITH_H

#include "report/item.h"

/* Bytes begin <= at < end of an item's query come from the file. */
struct kp_with {
    const char *path;
    size_t begin, end;
};

/* Put the expressions of the files `names` (with blanks between, seen from the item) before those
 * of the query, in both the query and the text; `header`: where the query begins in the text. Each
 * file is "NAME AS (...)", several with commas between. */
KP_NODISCARD enum kp_status kp_with_add(struct kp_item *item, const char *names, size_t header,
                                        struct kp_error *e);

/* The file that a byte of the query comes from. *line: the number of the line at *from, where that
 * file's part of the query begins; the item's own lines begin at *line. */
const char *kp_with_place(const struct kp_item *item, size_t at, int *line, size_t *from);

#endif
