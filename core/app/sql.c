/* sql.c - `kappa sql`: read-only questions to a run database. */
#include "app/command.h"
#include "app/output.h"
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

/* The statement itself, from where the argument says it is. */
static int read_query(const char *argument, struct kp_text *out)
{
    struct kp_error e = {0};
    uint8_t *bytes = NULL;
    size_t size;

    if (strcmp(argument, "-") == 0)
        return read_input(out);
    if (!names_file(argument)) {
        kp_text_add(out, argument);
        return KP_EXIT_DONE;
    }
    if (kp_file_read(argument, QUERY_LIMIT, &bytes, &size, &e) != KP_OK) {
        (void)kp_say_error(&e);
        return KP_EXIT_USAGE;
    }
    kp_text_add_bytes(out, (const char *)bytes, size);
    free(bytes);
    return KP_EXIT_DONE;
}

static int command_sql(const struct kp_arguments *a)
{
    const char *database = a->count == 2 ? a->v[0] : a->db;
    struct kp_text query = {0}, rows = {0};
    struct kp_error e = {0};
    int code = KP_EXIT_USAGE;

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
    .synopsis = "[DB] QUERY | FILE.sql | - [OPTION]...",
    .details =
        "One SQL statement: the text itself, a file whose name ends in .sql, or - for standard\n"
        "input. It cannot write. Begin with the views v_run (runs and their results), v_pair and\n"
        "v_pi (performance increment over label-trained students), v_group (mean and sd over\n"
        "seeds); 'SELECT sql FROM sqlite_schema' prints the documented schema.\n",
    .example =
        "  kappa sql --db kappa.db \"SELECT kappa, objective, tau, n, pi_mean, pi_sd FROM v_pi\n"
        "      WHERE metric = 'test/accuracy' ORDER BY 1, 2, 3\"\n",
    .flags = KP_FLAG_DB | KP_FLAG_FORMAT,
    .least = 1,
    .most = 2,
    .run = command_sql,
};
