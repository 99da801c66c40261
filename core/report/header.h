/* header.h - the comments at the top of an item's file. */
#ifndef KP_REPORT_HEADER_H
#define KP_REPORT_HEADER_H

#include "base/arena.h"
#include "base/error.h"

/* Values of the lines "-- key: value", NULL where there is none. Further lines `set` are joined,
 * each as a line "set ..."; a line that begins with three blanks goes on with the one above. */
struct kp_header {
    const char *title, *kind, *plot, *x, *y, *split, *needs, *note, *statistics, *set, *with, *from,
        *gaps;
    int kind_line;
};

/* Read the header of `text`, the file `path`. *rest: the text behind it; *line: the number of the
 * line there. Strings are made in `a`. */
KP_NODISCARD enum kp_status kp_header_read(const char *path, const char *text, struct kp_arena *a,
                                           struct kp_header *out, const char **rest, int *line,
                                           struct kp_error *e);

/* `before`, `between` (both left out if before is NULL) and n bytes of `s`; NULL: out of memory. */
const char *kp_header_join(struct kp_arena *a, const char *before, const char *between,
                           const char *s, size_t n);

/* The length of `s`, n bytes, without blanks and semicolons at its end. */
size_t kp_header_trimmed(const char *s, size_t n);

#endif
