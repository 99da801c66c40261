/* report.h - the figures, tables and claims of folders of queries, asked of one run database. */
#ifndef KP_REPORT_REPORT_H
#define KP_REPORT_REPORT_H

#include "report/entry.h"

/* A folder of .sql files and the part of the database that they are asked about. */
struct kp_report_source {
    const char *folder;
    const char *experiment; /* whose plan gave the scope; NULL: everything in the database */
    struct kp_scope scope;
};

struct kp_report_section {
    char *name; /* of the folder, without its path */
    char *experiment;
    struct kp_entry *entries;
    int64_t count;
};

struct kp_report {
    char *database;
    struct kp_report_section *sections; /* without those that hold no item */
    int64_t count;
};

/* Ask all queries, on one state of the database. Only what is wrong with the database, a folder or
 * the memory fails; what is wrong with a file is in its entry. */
KP_NODISCARD enum kp_status kp_report_ask(const char *database,
                                          const struct kp_report_source *sources, int64_t count,
                                          struct kp_report **out, struct kp_error *e);
void kp_report_destroy(struct kp_report *r);

struct kp_report_result {
    int64_t figures, tables, claims;
    int64_t drawn;    /* figures */
    int64_t problems; /* entries */
    bool gnuplot;     /* false: it was wanted and is not there */
};

/* Write OUT/SECTION/NAME.* and OUT/index.html. Figures get NAME.dat, .gp, .gnuplot, .svg, .pdf; all
 * get NAME.csv, .txt and .sql. Drawings that fail become problems of their entries. */
KP_NODISCARD enum kp_status kp_report_write(struct kp_report *r, const char *folder,
                                            struct kp_report_result *out, struct kp_error *e);

/* The entry as text: title, rows, n, split or statistics, missing cells. */
void kp_report_entry_text(const struct kp_entry *x, struct kp_text *out);

/* The whole report as one HTML page. */
void kp_report_page(const struct kp_report *r, const struct kp_report_result *result,
                    struct kp_text *out);

#endif
