/* item.c - reads figures, tables and claims: .sql files with a header of comments. */
#include "report/item.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const kp_item_kind_words[] = {"figure", "table", "claim", NULL};

struct header {
    const char *title, *kind, *plot, *x, *y, *split, *needs, *note, *statistics, *set;
    int kind_line;
};

static const char *const keys = "title, kind, split, needs, note; x, y, plot, set for figures; "
                                "statistics for claims";

/* Where the value of a key is kept; NULL: no such key. */
static const char **slot(struct header *h, const char *key, size_t n)
{
    const struct {
        const char *key;
        const char **at;
    } all[] = {
        {"title", &h->title}, {"kind", &h->kind}, {"plot", &h->plot},
        {"x", &h->x},         {"y", &h->y},       {"split", &h->split},
        {"needs", &h->needs}, {"note", &h->note}, {"statistics", &h->statistics},
        {"set", &h->set},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i].key) == n && memcmp(all[i].key, key, n) == 0)
            return all[i].at;
    return NULL;
}

/* `before`, `between` and n bytes of `s`. */
static const char *join(struct kp_arena *a, const char *before, const char *between, const char *s,
                        size_t n)
{
    size_t b = before ? strlen(before) : 0, m = before ? strlen(between) : 0;
    char *all = kp_arena_alloc(a, b + m + n + 1, 1);

    if (!all)
        return NULL;
    if (before) {
        memcpy(all, before, b);
        memcpy(all + b, between, m);
    }
    memcpy(all + b + m, s, n);
    return all;
}

static size_t trimmed(const char *s, size_t n)
{
    while (n > 0 && strchr(" \t\r;", s[n - 1]))
        n--;
    return n;
}

/* One line of the header, n bytes behind its "--". */
static enum kp_status header_line(struct kp_item *item, struct header *h, const char ***last,
                                  const char *s, size_t n, int line, struct kp_error *e)
{
    size_t blanks = strspn(s, " \t");
    size_t key = 0;

    n = trimmed(s, n);
    if (blanks >= n)
        return KP_OK;
    if (blanks >= 3 && *last) {
        **last = join(&item->memory, **last, " ", s + blanks, n - blanks);
        return **last ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    s += blanks;
    n -= blanks;
    while (key < n && s[key] >= 'a' && s[key] <= 'z')
        key++;
    if (key == 0 || key == n || s[key] != ':')
        return KP_OK; /* words for people */
    const char **at = slot(h, s, key);
    if (!at)
        return kp_fail(e, KP_E_FORMAT, "%s:%d: no header line is called '%.*s'; there are %s",
                       item->path, line, (int)key, s, keys);
    bool again = *at != NULL;
    if (again && at != &h->set)
        return kp_fail(e, KP_E_FORMAT, "%s:%d: a second line '%.*s:'; one of each", item->path,
                       line, (int)key, s);
    size_t skip = key + 1 + strspn(s + key + 1, " \t");
    skip = skip > n ? n : skip;
    *at = join(&item->memory, *at, "\nset ", s + skip, n - skip);
    if (!*at)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    if (at == &h->kind)
        h->kind_line = line;
    *last = at;
    return KP_OK;
}

/* The header; *text moves behind it, *line is the number of the line there. */
static enum kp_status read_header(struct kp_item *item, struct header *h, const char **text,
                                  int *line, struct kp_error *e)
{
    const char **last = NULL;
    const char *s = *text;

    for (*line = 1; *s; (*line)++) {
        size_t n = strcspn(s, "\n");
        size_t start = strspn(s, " \t\r");
        if (start < n && (n - start < 2 || s[start] != '-' || s[start + 1] != '-'))
            break;
        if (start < n) {
            enum kp_status st = header_line(item, h, &last, s + start + 2, n - start - 2, *line, e);
            if (st != KP_OK)
                return st;
        }
        s += n + (s[n] == '\n');
    }
    *text = s;
    return KP_OK;
}

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
            trimmed(s, n) == strlen(mark)) {
            end = s;
            second = s + n + (s[n] == '\n');
            item->expect_line = line + 1;
            break;
        }
        s += n + (s[n] == '\n');
    }
    if (!end)
        end = text + strlen(text);
    item->query = join(&item->memory, NULL, "", text, (size_t)(end - text));
    size_t n = strlen(second);
    while (n > 0 && strchr(" \t\r\n;", second[n - 1]))
        n--;
    item->expect = join(&item->memory, NULL, "", second, n);
    if (!item->query || !item->expect)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    if (second[0] && n == 0)
        return kp_fail(e, KP_E_FORMAT,
                       "%s:%d: no query behind '-- expect:'; one that gives the expected cells",
                       item->path, item->expect_line);
    return KP_OK;
}

static enum kp_status check(struct kp_item *item, const struct header *h, struct kp_error *e)
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

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static enum kp_status fill(struct kp_item *item, const struct header *h, struct kp_error *e)
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
    kp_text_addf(&name, "%s.gp", item->name);
    if (!name.failed)
        plot = kp_path_beside(item->path, h->plot && *h->plot ? h->plot : name.s);
    if (h->set)
        kp_text_addf(&settings, "set %s\n", h->set);
    item->plot = plot ? kp_arena_strdup(&item->memory, plot) : NULL;
    item->settings = kp_arena_strdup(&item->memory, or_empty(settings.s));
    bool failed = settings.failed || !item->plot || !item->settings;
    free(plot);
    kp_text_finish(&name);
    kp_text_finish(&settings);
    return failed ? kp_fail(e, KP_E_NOMEM, "out of memory") : KP_OK;
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
    item->name = join(&item->memory, NULL, "", base, n);
    item->text = join(&item->memory, NULL, "", (const char *)bytes, size);
    free(bytes);
    if (st == KP_OK && (!item->path || !item->name || !item->text))
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    return st;
}

enum kp_status kp_item_read(const char *path, struct kp_item *out, bool *is_item,
                            struct kp_error *e)
{
    struct kp_item item = {0};
    struct header h = {0};
    const char *text;
    int line = 1;
    enum kp_status st = begin(&item, path, e);

    text = item.text;
    if (st == KP_OK)
        st = read_header(&item, &h, &text, &line, e);
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
    for (int i = 0; i < at && query[i]; i++)
        line += query[i] == '\n';
    /* The offset says the same as the line. */
    char *offset = at >= 0 ? strstr(e->text, " (at character ") : NULL;
    if (offset)
        *offset = '\0';
    return kp_fail_in(e, "%s:%d", item->path, line);
}
