/* query.h - read-only questions to a run database, laid out for people. */
#ifndef KP_STORE_QUERY_H
#define KP_STORE_QUERY_H

#include "base/error.h"
#include "base/text.h"

enum kp_query_format {
    KP_QUERY_TABLE = 0, /* aligned columns with a header */
    KP_QUERY_CSV = 1,
    KP_QUERY_JSON = 2,
};

/* Run one statement read-only (a statement that would write is refused) and lay out its rows. */
KP_NODISCARD enum kp_status kp_query_run(const char *database, const char *sql,
                                         enum kp_query_format format, struct kp_text *out,
                                         struct kp_error *e);

/* Of SQLite: "3.40.1". */
const char *kp_store_library_version(void);

#endif
