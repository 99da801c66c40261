/* with.c - puts common table expressions of other files before an item's query. */
#include "report/with.h"

#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char word[] = "WITH";

/* Bytes up to and with the word WITH at the query's beginning, or 0. */
static size_t own_lead(const char *query)
{
    const char *own = query + strspn(query, " \t\r\n");

    if (strncasecmp(own, word, strlen(word)) != 0 || !strchr(" \t\r\n", own[strlen(word)]))
        return 0;
    return (size_t)(own - query) + strlen(word);
}

static enum kp_status add_file(struct kp_item *item, const char *name, struct kp_text *query,
                               struct kp_error *e)
{
    char *path = kp_item_path(item, name);
    uint8_t *bytes = NULL;
    size_t size = 0;
    enum kp_status st = path ? kp_file_read(path, KP_ITEM_LIMIT, &bytes, &size, e)
                             : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st != KP_OK)
        (void)kp_fail_in(e, "%s: '-- with:'", item->path);
    else if (memchr(bytes, 0, size))
        st = kp_fail(e, KP_E_FORMAT, "%s: a zero byte in it: no SQL text", path);
    if (st == KP_OK) {
        struct kp_with *w = &item->with[item->with_count++];
        kp_text_add(query, item->with_count > 1 ? ",\n" : "");
        w->path = kp_arena_strdup(&item->memory, path);
        w->begin = query->length;
        kp_text_add_bytes(query, (const char *)bytes, size);
        kp_text_add(query, size > 0 && bytes[size - 1] != '\n' ? "\n" : "");
        w->end = query->length;
        if (!w->path)
            st = kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    free(bytes);
    free(path);
    return st;
}

static enum kp_status add_files(struct kp_item *item, const char *names, struct kp_text *query,
                                struct kp_error *e)
{
    enum kp_status st = KP_OK;

    item->with = kp_arena_new(&item->memory, struct kp_with, strlen(names) / 2 + 1);
    if (!item->with)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    while (*names && st == KP_OK) {
        size_t n = strcspn(names, " ");
        char *name = strndup(names, n);
        st = name ? add_file(item, name, query, e) : kp_fail(e, KP_E_NOMEM, "out of memory");
        free(name);
        names += n + strspn(names + n, " ");
    }
    return st;
}

enum kp_status kp_with_add(struct kp_item *item, const char *names, size_t header,
                           struct kp_error *e)
{
    size_t lead = own_lead(item->query);
    const char *rest = item->text + header + strlen(item->query);
    struct kp_text query = {0}, whole = {0};
    enum kp_status st;

    kp_text_addf(&query, "%s\n", word);
    st = add_files(item, names, &query, e);
    if (st == KP_OK) {
        kp_text_add(&query, lead > 0 ? "," : "");
        kp_text_add(&query, item->query + lead);
        kp_text_add_bytes(&whole, item->text, header);
        kp_text_add(&whole, query.s ? query.s : "");
        kp_text_add(&whole, rest);
        item->query = kp_arena_strdup(&item->memory, query.s ? query.s : "");
        item->text = kp_arena_strdup(&item->memory, whole.s ? whole.s : "");
        if (query.failed || whole.failed || !item->query || !item->text)
            st = kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    kp_text_finish(&query);
    kp_text_finish(&whole);
    return st;
}

const char *kp_with_place(const struct kp_item *item, size_t at, int *line, size_t *from)
{
    for (int i = 0; i < item->with_count; i++)
        if (at < item->with[i].end) {
            *line = 1;
            *from = item->with[i].begin;
            return item->with[i].path;
        }
    *from = item->with_count > 0 ? item->with[item->with_count - 1].end : 0;
    return item->path;
}
