/* item.c - reads figures, tables and claims: .sql files with a header of comments. */
#include "report/item.h"

#include "base/file.h"
#include "base/program.h"
#include "base/text.h"
#include "report/header.h"
#include "report/with.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const kp_item_kind_words[] = {"figure", "table", "claim", NULL};

/* Cuts the text at a line that is "-- expect:" alone, which begins the second query. */
static enum kp_status split_queries(struct kp_item *item, const char *text, int line,
                                    struct kp_error *e)
{
    static const char mark[] = "-- expect:";
    const char *end = NULL, *second = "";

    item->query_line = line;
    for (const char *s = text; *s; line++) {
        size_t n = strcspn(s, "\n");
        if (n >= strlen(mark) && memcmp(s, mark, strlen(mark)) == 0 &&
            kp_header_trimmed(s, n) == strlen(mark)) {
            end = s;
            second = s + n + (s[n] == '\n');
            item->expect_line = line + 1;
            break;
        }
        s += n + (s[n] == '\n');
    }
    if (!end)
        end = text + strlen(text);
    item->query = kp_header_join(&item->memory, NULL, "", text, (size_t)(end - text));
    size_t n = strlen(second);
    while (n > 0 && strchr(" \t\r\n;", second[n - 1]))
        n--;
    item->expect = kp_header_join(&item->memory, NULL, "", second, n);
    if (!item->query || !item->expect)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    if (second[0] && n == 0)
        return kp_fail(e, KP_E_FORMAT,
                       "%s:%d: no query behind '-- expect:'; one that gives the expected cells",
                       item->path, item->expect_line);
    return KP_OK;
}

static enum kp_status check(struct kp_item *item, const struct kp_header *h, struct kp_error *e)
{
    int kind = 0;

    while (kp_item_kind_words[kind] && strcmp(h->kind, kp_item_kind_words[kind]) != 0)
        kind++;
    if (!kp_item_kind_words[kind])
        return kp_fail(e, KP_E_FORMAT, "%s:%d: kind '%s' is not known; figure, table or claim",
                       item->path, h->kind_line, h->kind);
    item->kind = (enum kp_item_kind)kind;
    if (!h->title || !*h->title)
        return kp_fail(e, KP_E_FORMAT, "%s:1: no line '-- title:'; what it shows, in one line",
                       item->path);
    if (item->kind == KP_ITEM_CLAIM ? !h->statistics : !h->split)
        return kp_fail(e, KP_E_FORMAT, "%s:1: no line '-- %s:'; %s", item->path,
                       item->kind == KP_ITEM_CLAIM ? "statistics" : "split",
                       item->kind == KP_ITEM_CLAIM
                           ? "the test and its threshold, in words"
                           : "on which split it was measured, and which one chose what");
    if (item->kind == KP_ITEM_FIGURE && (!h->x || !h->y))
        return kp_fail(e, KP_E_FORMAT, "%s:1: no line '-- %s:'; the name of the axis", item->path,
                       h->x ? "y" : "x");
    if (strspn(item->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
            strlen(item->name) ||
        !*item->name || *item->name == '.')
        return kp_fail(e, KP_E_FORMAT,
                       "%s: the name of the file becomes that of others: letters, digits, - and _",
                       item->path);
    return KP_OK;
}

/* The file of this name in kappa's own experiments/base; NULL if there is none. */
static char *find_in_base(const char *name)
{
    struct kp_error unused = {0};
    char *folder = NULL, *path = NULL;

    if (kp_program_data("experiments/base", &folder, &unused) == KP_OK)
        path = kp_path_join(folder, name);
    if (path && !kp_file_exists(path)) {
        free(path);
        path = NULL;
    }
    free(folder);
    return path;
}

char *kp_item_path(const struct kp_item *item, const char *name)
{
    char *path = kp_path_beside(item->path, name), *up;

    if (path && !strchr(name, '/') && !kp_file_exists(path) && (up = find_in_base(name))) {
        free(path);
        return up;
    }

    while (path && (up = strstr(path, "/../"))) {
        char *part = up;
        while (part > path && part[-1] != '/')
            part--;
        if (part == up || (up - part == 2 && memcmp(part, "..", 2) == 0) ||
            (up - part == 1 && *part == '.'))
            break;
        memmove(part, up + 4, strlen(up + 4) + 1);
    }
    return path;
}

/* The experiments that a claim names, as paths. */
static enum kp_status add_experiments(struct kp_item *item, const char *names, struct kp_error *e)
{
    struct kp_text all = {0};
    bool failed = false;

    while (*names) {
        size_t n = strcspn(names, " ");
        char *name = strndup(names, n), *path = name && n > 0 ? kp_item_path(item, name) : NULL;
        failed |= n > 0 && !path;
        if (path)
            kp_text_addf(&all, "%s%s", all.length > 0 ? " " : "", path);
        free(name);
        free(path);
        names += n + strspn(names + n, " ");
    }
    item->from = kp_arena_strdup(&item->memory, all.s ? all.s : "");
    failed |= all.failed || !item->from;
    kp_text_finish(&all);
    return failed ? kp_fail(e, KP_E_NOMEM, "out of memory") : KP_OK;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static enum kp_status fill(struct kp_item *item, const struct kp_header *h, struct kp_error *e)
{
    char *plot = NULL;
    struct kp_text name = {0}, settings = {0};

    item->title = h->title;
    item->split = or_empty(h->split);
    item->note = or_empty(h->note);
    item->x = or_empty(h->x);
    item->y = or_empty(h->y);
    item->needs = or_empty(h->needs);
    item->statistics = or_empty(h->statistics);
    item->gaps = !h->gaps;
    if (h->gaps && strcmp(h->gaps, "none") != 0)
        return kp_fail(e, KP_E_FORMAT, "%s: '-- gaps: %s': only 'none' can be said of gaps",
                       item->path, h->gaps);
    kp_text_addf(&name, "%s.gp", item->name);
    if (!name.failed)
        plot = kp_item_path(item, h->plot && *h->plot ? h->plot : name.s);
    if (h->set)
        kp_text_addf(&settings, "set %s\n", h->set);
    item->plot = plot ? kp_arena_strdup(&item->memory, plot) : NULL;
    item->settings = kp_arena_strdup(&item->memory, or_empty(settings.s));
    bool failed = settings.failed || !item->plot || !item->settings;
    free(plot);
    kp_text_finish(&name);
    kp_text_finish(&settings);
    return failed ? kp_fail(e, KP_E_NOMEM, "out of memory")
                  : add_experiments(item, or_empty(h->from), e);
}

static enum kp_status begin(struct kp_item *item, const char *path, struct kp_error *e)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    uint8_t *bytes = NULL;
    size_t size = 0, n = strlen(base);
    enum kp_status st = kp_file_read(path, KP_ITEM_LIMIT, &bytes, &size, e);

    if (st != KP_OK)
        return st;
    if (memchr(bytes, 0, size))
        st = kp_fail(e, KP_E_FORMAT, "%s: a zero byte in it: no SQL text", path);
    n -= n > 4 ? 4 : 0;
    item->path = kp_arena_strdup(&item->memory, path);
    item->name = kp_header_join(&item->memory, NULL, "", base, n);
    item->text = kp_header_join(&item->memory, NULL, "", (const char *)bytes, size);
    free(bytes);
    if (st == KP_OK && (!item->path || !item->name || !item->text))
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    return st;
}

enum kp_status kp_item_read(const char *path, struct kp_item *out, bool *is_item,
                            struct kp_error *e)
{
    struct kp_item item = {0};
    struct kp_header h = {0};
    const char *text = "";
    int line = 1;
    enum kp_status st = begin(&item, path, e);

    if (st == KP_OK)
        st = kp_header_read(path, item.text, &item.memory, &h, &text, &line, e);
    /* Of a file that is no item only the key that would make it one matters. */
    if (!h.kind && (st == KP_OK || st == KP_E_FORMAT) && item.text &&
        !strstr(item.text, "-- kind:")) {
        kp_item_finish(&item);
        *is_item = false;
        return KP_OK;
    }
    if (st == KP_OK && !h.kind)
        st = kp_fail(e, KP_E_FORMAT, "%s: '-- kind:' stands behind the header; move it to the top",
                     path);
    if (st == KP_OK)
        st = check(&item, &h, e);
    if (st == KP_OK)
        st = split_queries(&item, text, line, e);
    if (st == KP_OK)
        st = fill(&item, &h, e);
    if (st == KP_OK && h.with)
        st = kp_with_add(&item, h.with, (size_t)(text - item.text), e);
    if (st == KP_OK) {
        *out = item;
        *is_item = true;
    } else {
        kp_item_finish(&item);
    }
    return st;
}

void kp_item_finish(struct kp_item *item)
{
    kp_arena_finish(&item->memory);
    *item = (struct kp_item){0};
}

static int keep_sql(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return d->d_name[0] != '.' && n > 4 && strcmp(d->d_name + n - 4, ".sql") == 0;
}

enum kp_status kp_item_list(const char *folder, char ***paths, int64_t *count, struct kp_error *e)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, keep_sql, alphasort);
    char **all;
    bool failed;

    if (n < 0)
        return kp_fail(e, KP_E_IO, "%s: cannot read this folder: %s", folder, strerror(errno));
    all = (char **)calloc((size_t)n + 1, sizeof *all);
    failed = !all;
    for (int i = 0; i < n; i++) {
        if (all)
            all[i] = kp_path_join(folder, entries[i]->d_name);
        failed |= all && !all[i];
        free(entries[i]);
    }
    free((void *)entries);
    if (failed) {
        for (int i = 0; all && i < n; i++)
            free(all[i]);
        free((void *)all);
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    *paths = all;
    *count = n;
    return KP_OK;
}

enum kp_status kp_item_fail(const struct kp_item *item, const char *query, int line, int at,
                            struct kp_error *e)
{
    const char *path = item->path;
    size_t from = 0;

    if (query == item->query && at >= 0)
        path = kp_with_place(item, (size_t)at, &line, &from);
    for (int i = (int)from; i < at && query[i]; i++)
        line += query[i] == '\n';
    /* The offset says the same as the line. */
    char *offset = at >= 0 ? strstr(e->text, " (at character ") : NULL;
    if (offset)
        *offset = '\0';
    return kp_fail_in(e, "%s:%d", path, line);
}
