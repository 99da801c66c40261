/* answer.c - rows of a query as words. */
#include "app/answer.h"

#include "store/query.h"

#include <string.h>

static char *next_line(char **rest)
{
    char *line = strsep(rest, "\n");
    size_t n = line ? strlen(line) : 0;

    if (n > 0 && line[n - 1] == '\r')
        line[n - 1] = '\0';
    return line;
}

enum kp_status kp_answer_ask(const char *database, const char *sql, struct kp_answer *out,
                             struct kp_error *e)
{
    struct kp_answer a = {0};
    enum kp_status st = kp_query_run(database, sql, KP_QUERY_CSV, &a.text, e);

    if (st != KP_OK) {
        kp_answer_finish(&a);
        return st;
    }
    a.rest = a.text.s;
    (void)next_line(&a.rest); /* the names of the columns */
    *out = a;
    return KP_OK;
}

bool kp_answer_next(struct kp_answer *a, char **word, int count)
{
    char *line = next_line(&a->rest);
    static char none[] = "";

    if (!line || (!a->rest && !*line))
        return false;
    for (int i = 0; i < count; i++) {
        char *w = strsep(&line, ",");
        word[i] = w ? w : none;
    }
    return true;
}

void kp_answer_finish(struct kp_answer *a)
{
    kp_text_finish(&a->text);
    a->rest = NULL;
}

bool kp_is_uid(const char *text)
{
    size_t n = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    return n > 0 && text[n] == '\0' && n <= 26;
}
