/* query.c - one read-only question to a run database. */
#include "store/query.h"

#include "store/reader.h"

enum kp_status kp_query_run(const char *database, const char *sql, enum kp_query_format format,
                            struct kp_text *out, struct kp_error *e)
{
    struct kp_reader *r = NULL;
    enum kp_status st = kp_reader_open(database, &r, e);

    if (st == KP_OK)
        st = kp_reader_layout(r, sql, format, out, NULL, e);
    kp_reader_close(r);
    return st;
}

const char *kp_store_library_version(void)
{
    return sqlite3_libversion();
}
