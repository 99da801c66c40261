/* database.h - one SQLite connection: statements, transactions and what its errors mean. */
#ifndef KP_STORE_DATABASE_H
#define KP_STORE_DATABASE_H

#include "base/error.h"

#include <sqlite3.h>

/* Not for several threads at once. Zero-initialise it. */
struct kp_database {
    sqlite3 *handle;
    char *path;
    bool wal;     /* journal_mode = WAL, in which a commit need not wait for the disk */
    bool durable; /* PRAGMA synchronous as it is set now */
};

/* Open an existing file for reading. It need not be in a folder that can be written. */
KP_NODISCARD enum kp_status kp_database_open_read(const char *path, struct kp_database *out,
                                                  struct kp_error *e);

/* Open for writing, made if absent; foreign keys on. `wal` false: journal_mode = DELETE. */
KP_NODISCARD enum kp_status kp_database_open_write(const char *path, bool wal,
                                                   struct kp_database *out, struct kp_error *e);
/* A copy of an open database that lies in memory and goes by the same path. */
KP_NODISCARD enum kp_status kp_database_copy(struct kp_database *d, struct kp_database *out,
                                             struct kp_error *e);
void kp_database_close(struct kp_database *d);

/* The error that SQLite has just reported on this connection, in words. */
enum kp_status kp_database_fail(struct kp_database *d, struct kp_error *e);

KP_NODISCARD enum kp_status kp_database_prepare(struct kp_database *d, const char *sql,
                                                sqlite3_stmt **out, struct kp_error *e);

/* Bind parameters 1, 2, ... by type, one letter each:
 *   t  const char *, NULL gives NULL     i  int64_t     r  double, NaN gives NULL
 *   v  double, taking two parameters: the value (NULL if not finite) and its flag
 * Texts must live until the statement has run. */
void kp_database_bind(sqlite3_stmt *s, const char *types, ...);

/* Run a bound statement that gives no rows and make it ready for the next binding. */
KP_NODISCARD enum kp_status kp_database_put(struct kp_database *d, sqlite3_stmt *s,
                                            struct kp_error *e);

/* Advance to the next row; *row = false after the last. */
KP_NODISCARD enum kp_status kp_database_next(struct kp_database *d, sqlite3_stmt *s, bool *row,
                                             struct kp_error *e);

/* Prepare, bind and run one statement without rows. */
KP_NODISCARD enum kp_status kp_database_exec(struct kp_database *d, struct kp_error *e,
                                             const char *sql, const char *types, ...);

/* Prepare, bind and run one statement; *value is the integer in its first row and column,
 * *found = false if it has no row. */
KP_NODISCARD enum kp_status kp_database_integer(struct kp_database *d, struct kp_error *e,
                                                int64_t *value, bool *found, const char *sql,
                                                const char *types, ...);

/* Take the write lock (waiting for other processes). durable: the commit survives a power cut;
 * otherwise it may be undone by one, but never half. */
KP_NODISCARD enum kp_status kp_database_begin(struct kp_database *d, bool durable,
                                              struct kp_error *e);

/* Commit if st is KP_OK, else roll back and give st back. */
KP_NODISCARD enum kp_status kp_database_end(struct kp_database *d, enum kp_status st,
                                            struct kp_error *e);

/* Column as text, "" for NULL. Valid until the statement moves. */
const char *kp_database_text(sqlite3_stmt *s, int column);

#endif
