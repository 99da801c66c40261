/* item.h - a figure, table or claim: an .sql file with a header of comments. */
#ifndef KP_REPORT_ITEM_H
#define KP_REPORT_ITEM_H

#include "base/arena.h"
#include "base/error.h"

enum kp_item_kind {
    KP_ITEM_FIGURE = 0,
    KP_ITEM_TABLE = 1,
    KP_ITEM_CLAIM = 2,
};

/* The form of the file is described in experiments/README.md. Texts are "" where the header has no
 * such line. */
struct kp_item {
    struct kp_arena memory;
    const char *path;
    const char *name; /* of the file, without .sql */
    const char *text; /* the whole file, with what it takes from another */
    enum kp_item_kind kind;
    const char *title, *split, *note;
    const char *plot;       /* figures: path of the gnuplot template */
    const char *x, *y;      /* figures: names of the axes */
    const char *settings;   /* figures: lines of gnuplot, each "set ...\n" */
    bool gaps;              /* figures: a curve is interrupted where it lacks what others have */
    const char *statistics; /* claims: the test and its threshold, in words */
    const char *from;  /* claims: paths of the experiments whose runs it speaks of, with blanks */
    const char *needs; /* metrics without which a run counts as missing, separated by blanks */
    const char *query;
    struct kp_with *with; /* what the query takes from other files; see with.h */
    int with_count;
    const char *expect; /* "" or the query that gives the expected cells */
    int query_line, expect_line;
};

#define KP_ITEM_LIMIT (256 << 10) /* bytes of a file */

/* Zero-initialise *out. *is_item = false for a file without a line "-- kind:": some other query. */
KP_NODISCARD enum kp_status kp_item_read(const char *path, struct kp_item *out, bool *is_item,
                                         struct kp_error *e);
void kp_item_finish(struct kp_item *item);

/* `name` as seen from the item's file, without parts like "claims/../"; free() it. A name alone of
 * a file that is not there is that of a file of kappa's own experiments/base, if it has one. */
char *kp_item_path(const struct kp_item *item, const char *name);

/* The .sql files of a folder by name; free each and the array. */
KP_NODISCARD enum kp_status kp_item_list(const char *folder, char ***paths, int64_t *count,
                                         struct kp_error *e);

/* "file.sql:12: " before the text of an error that `at` bytes into a query of the file caused (-1:
 * somewhere in it). */
enum kp_status kp_item_fail(const struct kp_item *item, const char *query, int line, int at,
                            struct kp_error *e);

extern const char *const kp_item_kind_words[]; /* by enum kp_item_kind */

#endif
