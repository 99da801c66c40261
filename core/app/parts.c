/* parts.c - what a database says of a run or of two, as tables under titles. */
#include "app/parts.h"

#include "app/output.h"
#include "store/reader.h"

#include <string.h>

void kp_part_sql(const char *sql, const char *a, const char *b, struct kp_text *out)
{
    for (const char *mark; (mark = strchr(sql, ':')) != NULL; sql = mark) {
        const char *uid = mark[1] == 'a' ? a : mark[1] == 'b' ? b : NULL;
        bool whole = strspn(mark + 1, "abcdefghijklmnopqrstuvwxyz_") == 1;

        kp_text_add_bytes(out, sql, (size_t)(mark - sql));
        if (uid && whole) {
            kp_text_addf(out, "'%s'", uid);
            mark += 2;
        } else {
            kp_text_add(out, ":");
            mark++;
        }
    }
    kp_text_add(out, sql);
}

/* A table has more than the names of its columns and a rule. */
static bool has_rows(const struct kp_text *table)
{
    const char *line = table->s;

    for (int i = 0; line && i < 2; i++)
        line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
    return line && *line;
}

static enum kp_status print_part(struct kp_reader *r, const struct kp_part *p, const char *a,
                                 const char *b, bool *printed, struct kp_error *e)
{
    struct kp_text sql = {0}, rows = {0};
    enum kp_status st = KP_OK;

    kp_part_sql(p->sql, a, b, &sql);
    if (sql.failed)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        st = kp_reader_layout(r, sql.s, KP_QUERY_TABLE, &rows, NULL, e);
    if (st == KP_OK && has_rows(&rows))
        (void)printf("%s%s\n%s", *printed ? "\n" : "", p->title, rows.s);
    else if (st == KP_OK && p->none)
        (void)printf("%s%s: %s\n", *printed ? "\n" : "", p->title, p->none);
    *printed = *printed || has_rows(&rows) || p->none;
    kp_text_finish(&sql);
    kp_text_finish(&rows);
    return st;
}

int kp_parts_print(const char *database, const struct kp_part *parts, int count, const char *a,
                   const char *b)
{
    struct kp_reader *r = NULL;
    struct kp_error e = {0};
    bool printed = false;
    enum kp_status st = kp_reader_open(database, &r, &e);

    if (st == KP_OK)
        st = kp_reader_freeze(r, &e);
    for (int i = 0; st == KP_OK && i < count; i++)
        st = print_part(r, &parts[i], a, b, &printed, &e);
    kp_reader_close(r);
    return st == KP_OK ? KP_EXIT_DONE : (int)kp_say_error(&e);
}
