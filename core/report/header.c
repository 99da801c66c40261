/* header.c - reads the comments at the top of an item's file. */
#include "report/header.h"

#include <string.h>

static const char *const keys = "title, kind, split, needs, note, with; x, y, plot, set, gaps for "
                                "figures; statistics, from for claims";

/* Where the value of a key is kept; NULL: no such key. */
static const char **slot(struct kp_header *h, const char *key, size_t n)
{
    const struct {
        const char *key;
        const char **at;
    } all[] = {
        {"title", &h->title}, {"kind", &h->kind}, {"plot", &h->plot},
        {"x", &h->x},         {"y", &h->y},       {"split", &h->split},
        {"needs", &h->needs}, {"note", &h->note}, {"statistics", &h->statistics},
        {"set", &h->set},     {"with", &h->with}, {"from", &h->from},
        {"gaps", &h->gaps},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i].key) == n && memcmp(all[i].key, key, n) == 0)
            return all[i].at;
    return NULL;
}

const char *kp_header_join(struct kp_arena *a, const char *before, const char *between,
                           const char *s, size_t n)
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

size_t kp_header_trimmed(const char *s, size_t n)
{
    while (n > 0 && strchr(" \t\r;", s[n - 1]))
        n--;
    return n;
}

struct reading {
    const char *path;
    struct kp_arena *memory;
    struct kp_header *header;
    const char **last; /* the value that a further line goes on with */
    int line;
};

/* One line of the header, n bytes behind its "--". */
static enum kp_status read_line(struct reading *r, const char *s, size_t n, struct kp_error *e)
{
    size_t blanks = strspn(s, " \t");
    size_t key = 0;

    n = kp_header_trimmed(s, n);
    if (blanks >= n)
        return KP_OK;
    if (blanks >= 3 && r->last) {
        *r->last = kp_header_join(r->memory, *r->last, " ", s + blanks, n - blanks);
        return *r->last ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    s += blanks;
    n -= blanks;
    while (key < n && s[key] >= 'a' && s[key] <= 'z')
        key++;
    if (key == 0 || key == n || s[key] != ':')
        return KP_OK; /* words for people */
    const char **at = slot(r->header, s, key);
    if (!at)
        return kp_fail(e, KP_E_FORMAT, "%s:%d: no header line is called '%.*s'; there are %s",
                       r->path, r->line, (int)key, s, keys);
    if (*at && at != &r->header->set)
        return kp_fail(e, KP_E_FORMAT, "%s:%d: a second line '%.*s:'; one of each", r->path,
                       r->line, (int)key, s);
    size_t skip = key + 1 + strspn(s + key + 1, " \t");
    skip = skip > n ? n : skip;
    *at = kp_header_join(r->memory, *at, "\nset ", s + skip, n - skip);
    if (!*at)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    if (at == &r->header->kind)
        r->header->kind_line = r->line;
    r->last = at;
    return KP_OK;
}

enum kp_status kp_header_read(const char *path, const char *text, struct kp_arena *a,
                              struct kp_header *out, const char **rest, int *line,
                              struct kp_error *e)
{
    struct reading r = {.path = path, .memory = a, .header = out, .line = 1};
    const char *s = text;

    for (; *s; r.line++) {
        size_t n = strcspn(s, "\n");
        size_t start = strspn(s, " \t\r");
        if (start < n && (n - start < 2 || s[start] != '-' || s[start + 1] != '-'))
            break;
        if (start < n) {
            enum kp_status st = read_line(&r, s + start + 2, n - start - 2, e);
            if (st != KP_OK)
                return st;
        }
        s += n + (s[n] == '\n');
    }
    *rest = s;
    *line = r.line;
    return KP_OK;
}
