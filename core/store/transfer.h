/* transfer.h - copies rows from one run database to another, with new numbers for what they refer
 * to. */
#ifndef KP_STORE_TRANSFER_H
#define KP_STORE_TRANSFER_H

#include "store/database.h"

#define KP_TRANSFER_TABLES  16
#define KP_TRANSFER_COLUMNS 64

/* Row numbers of one table: of the source by of the target; 0: not there. */
struct kp_transfer_map {
    const char *table;
    int64_t *to;
    int64_t size;
};

/* Both databases are of the current schema. The columns of a table, and which of them refer to a
 * mapped table, come from the schema itself. */
struct kp_transfer {
    struct kp_database *from, *to;
    struct kp_transfer_map runs, keys, sweeps;
    struct kp_transfer_table {
        const char *table, *where;
        sqlite3_stmt *select, *insert;
        int columns;
        const struct kp_transfer_map *refers[KP_TRANSFER_COLUMNS]; /* NULL: a plain value */
    } tables[KP_TRANSFER_TABLES];
    int table_count;
};

/* Zero-initialise *t but for `from` and `to`. Makes room for the runs, keys and sweeps of `from`.
 */
KP_NODISCARD enum kp_status kp_transfer_begin(struct kp_transfer *t, struct kp_error *e);
void kp_transfer_finish(struct kp_transfer *t);

/* Within a transaction of the target: the rows of `table` for which `where` holds (a literal, with
 * one parameter ?1, the number of the source's row). Rows that are there already, and rows that
 * refer to a row without a counterpart, are passed over. */
KP_NODISCARD enum kp_status kp_transfer_rows(struct kp_transfer *t, const char *table,
                                             const char *where, int64_t parameter,
                                             struct kp_error *e);

/* The same for one run. `mark` is put behind its three hashes: "", or what makes it a run that
 * nothing finds by its configuration. One that was running is lost. */
KP_NODISCARD enum kp_status kp_transfer_run(struct kp_transfer *t, int64_t run, const char *mark,
                                            struct kp_error *e);

#endif
