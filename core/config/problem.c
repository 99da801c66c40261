/* problem.c - everything that is wrong with a configuration, collected and sorted. */
#include "config/problem.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 100 };

struct kp_problem {
    struct kp_place place;
    int64_t number; /* keeps the order of problems of one line */
    const char *text;
};

void kp_place_text(struct kp_place p, struct kp_text *out)
{
    kp_text_add(out, p.file);
    if (p.order != KP_PLACE_COMMAND_LINE && p.line > 0)
        kp_text_addf(out, ":%d", p.line);
}

static bool make_room(struct kp_problems *p)
{
    int64_t room = p->room ? 2 * p->room : 16;
    struct kp_problem *v;

    if (p->count < p->room)
        return true;
    v = realloc(p->v, (size_t)room * sizeof(*v));
    if (!v)
        return false;
    p->v = v;
    p->room = room;
    return true;
}

void kp_problem_add(struct kp_problems *p, struct kp_place place, const char *key, const char *fmt,
                    ...)
{
    struct kp_text line = {0};
    struct kp_error text = {0};
    const char *copy;
    va_list args;

    if (p->count >= KEPT_MAX) {
        p->more++;
        return;
    }
    va_start(args, fmt);
    (void)kp_fail_v(&text, KP_E_CONFIG, fmt, args);
    va_end(args);

    kp_place_text(place, &line);
    kp_text_add(&line, ": ");
    if (key)
        kp_text_addf(&line, "%s: ", key);
    kp_text_add(&line, text.text);
    copy = line.failed ? NULL : kp_arena_strdup(&p->memory, line.s);
    if (copy && make_room(p)) {
        p->v[p->count] = (struct kp_problem){place, p->count, copy};
        p->count++;
    } else {
        p->failed = true;
    }
    kp_text_finish(&line);
}

static int compare(const void *a, const void *b)
{
    const struct kp_problem *x = a, *y = b;

    if (x->place.order != y->place.order)
        return x->place.order < y->place.order ? -1 : 1;
    if (x->place.line != y->place.line)
        return x->place.line < y->place.line ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool has_line(const struct kp_text *report, const char *line)
{
    size_t n = strlen(line);
    const char *at = report->s;

    while (at && (at = strstr(at, line)) != NULL) {
        if ((at == report->s || at[-1] == '\n') && at[n] == '\n')
            return true;
        at++;
    }
    return false;
}

enum kp_status kp_problems_report(struct kp_problems *p, struct kp_text *report)
{
    if (p->count > 0)
        qsort(p->v, (size_t)p->count, sizeof(*p->v), compare);
    for (int64_t i = 0; i < p->count; i++)
        if (!has_line(report, p->v[i].text))
            kp_text_addf(report, "%s\n", p->v[i].text);
    if (p->more > 0)
        kp_text_addf(report, "... and %lld more\n", (long long)p->more);
    if (p->failed) {
        kp_text_add(report, "out of memory\n");
        return KP_E_NOMEM;
    }
    return p->count > 0 ? KP_E_CONFIG : KP_OK;
}

void kp_problems_finish(struct kp_problems *p)
{
    free(p->v);
    kp_arena_finish(&p->memory);
    *p = (struct kp_problems){0};
}
