/* schema.h - what a run database is made of, and which version of it this kappa reads. */
#ifndef KP_STORE_SCHEMA_H
#define KP_STORE_SCHEMA_H

#include "store/database.h"

#define KP_SCHEMA_APPLICATION 0x4b415050 /* "KAPP" in a file's application_id */
#define KP_SCHEMA_VERSION     4          /* user_version; schema.sql sets both */

extern const char kp_schema_sql[]; /* schema.sql */

enum kp_schema_kind {
    KP_SCHEMA_EMPTY = 0,   /* nothing in it yet */
    KP_SCHEMA_CURRENT = 1, /* this version */
    KP_SCHEMA_OLDER = 2,
};

/* What an open database is. A database of another program or of a newer kappa is refused. */
KP_NODISCARD enum kp_status kp_schema_identify(struct kp_database *d, enum kp_schema_kind *kind,
                                               int *version, struct kp_error *e);

/* One step forward: SQL that turns the tables of version `from` into those of version from + 1.
 * Views hold no data: they are dropped before the steps, and the newest ones made behind them. */
struct kp_migration {
    int from;
    const char *sql; /* NULL: end of the table */
};

extern const struct kp_migration kp_migrations[];

/* Bring a database of version `from` to version `to`, in one transaction. Nothing changes on
 * failure. `keep`: after a copy of it to "<path>.backup-v<from>". */
KP_NODISCARD enum kp_status kp_schema_migrate(struct kp_database *d,
                                              const struct kp_migration *steps, int from, int to,
                                              bool keep, struct kp_error *e);

#endif
