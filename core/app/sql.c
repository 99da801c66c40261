/* sql.c - `kappa sql`: read-only questions to a run database. */
#include "app/command.h"
#include "app/output.h"
#include "app/queries.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUERY_LIMIT = 1 << 20 };

static int read_input(struct kp_text *out)
{
    char block[4096];
    size_t n;

    while ((n = fread(block, 1, sizeof(block), stdin)) > 0) {
        kp_text_add_bytes(out, block, n);
        if (out->length > QUERY_LIMIT) {
            kp_say("standard input: longer than %d bytes; one SQL statement", (int)QUERY_LIMIT);
            return KP_EXIT_USAGE;
        }
    }
    if (ferror(stdin)) {
        kp_say("standard input: %s", strerror(errno));
        return KP_EXIT_FAILED;
    }
    return KP_EXIT_DONE;
}

static bool names_file(const char *text)
{
    size_t n = strlen(text);
    return n > 4 && strcmp(text + n - 4, ".sql") == 0 && !strpbrk(text, " \t\n");
}

static int read_file(const char *path, struct kp_text *out)
{
    struct kp_error e = {0};
    uint8_t *bytes = NULL;
    size_t size;

    if (kp_file_read(path, QUERY_LIMIT, &bytes, &size, &e) != KP_OK) {
        (void)kp_say_error(&e);
        return KP_EXIT_USAGE;
    }
    kp_text_add_bytes(out, (const char *)bytes, size);
    free(bytes);
    return KP_EXIT_DONE;
}

static int read_named(const char *name, struct kp_text *out)
{
    struct kp_error e = {0};
    char *path = NULL;
    int code = KP_EXIT_USAGE;

    if (kp_query_path(name, &path, &e) != KP_OK)
        code = kp_say_error(&e);
    else if (!kp_file_exists(path))
        kp_say("%s: no query of this name, which would be %s; 'kappa sql --list' shows them", name,
               path);
    else
        code = read_file(path, out);
    free(path);
    return code;
}

/* The statement itself, from where the argument says it is. */
static int read_query(const char *argument, struct kp_text *out)
{
    if (strcmp(argument, "-") == 0)
        return read_input(out);
    if (names_file(argument))
        return read_file(argument, out);
    if (kp_query_is_name(argument))
        return read_named(argument, out);
    kp_text_add(out, argument);
    return KP_EXIT_DONE;
}

static int list(void)
{
    struct kp_text lines = {0};
    struct kp_error e = {0};
    int code = KP_EXIT_DONE;

    if (kp_queries_list(&lines, &e) != KP_OK)
        code = kp_say_error(&e);
    else
        (void)fputs(lines.s ? lines.s : "", stdout);
    kp_text_finish(&lines);
    return code;
}

static int command_sql(const struct kp_arguments *a)
{
    const char *database = a->count == 2 ? a->v[0] : a->db;
    struct kp_text query = {0}, rows = {0};
    struct kp_error e = {0};
    int code = KP_EXIT_USAGE;

    if (a->list)
        return list();
    if (a->count == 0) {
        kp_say("sql: no query; usage: kappa sql %s", kp_command_sql.synopsis);
        return KP_EXIT_USAGE;
    }
    if (!kp_file_exists(database)) {
        kp_say("%s: no such database; 'kappa run EXP.ini --db FILE' makes one, '--db FILE' names "
               "another",
               database);
        goto out;
    }
    code = read_query(a->v[a->count - 1], &query);
    if (code != KP_EXIT_DONE)
        goto out;
    if (query.failed || !query.s || strlen(query.s) != query.length) {
        kp_say("the query is empty or no text; one SQL statement");
        code = KP_EXIT_USAGE;
    } else if (kp_query_run(database, query.s, a->format, &rows, &e) != KP_OK) {
        code = kp_say_error(&e);
    } else {
        (void)fputs(rows.s ? rows.s : "", stdout);
    }
out:
    kp_text_finish(&query);
    kp_text_finish(&rows);
    return code;
}

const struct kp_command kp_command_sql = {
    .name = "sql",
    .summary = "ask the run database, read-only",
    .synopsis = "[DB] QUERY | FILE.sql | NAME | - [OPTION]...",
    .details =
        "One SQL statement: the text itself, a file whose name ends in .sql, the name of a query\n"
        "of experiments/sql (--list shows them), or - for standard input. It cannot write. Begin\n"
        "with the views v_run (runs and their results), v_pair and v_pi (performance increment\n"
        "over label-trained students), v_group (mean and sd over seeds); docs/schema.md describes\n"
        "all, and 'SELECT sql FROM sqlite_schema' prints it.\n",
    .example =
        "  kappa sql --list\n"
        "  kappa sql pi-table --db kappa.db --csv\n"
        "  kappa sql --db kappa.db \"SELECT kappa, objective, tau, n, pi_mean, pi_sd FROM v_pi\n"
        "      WHERE metric = 'test/accuracy' ORDER BY 1, 2, 3\"\n",
    .flags = KP_FLAG_DB | KP_FLAG_FORMAT | KP_FLAG_CSV | KP_FLAG_JSON | KP_FLAG_LIST,
    .least = 0,
    .most = 2,
    .run = command_sql,
};
