/* report.c - asks the queries of folders and keeps the answers. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

/* The folder's own name, whatever path leads there. */
static char *base_name(const char *path)
{
    char *full = realpath(path, NULL);
    const char *slash = full ? strrchr(full, '/') : NULL;
    char *name = strdup(slash && slash[1] ? slash + 1 : "report");

    free(full);
    return name;
}

static enum kp_status ask_folder(struct kp_reader *reader, const struct kp_report_source *source,
                                 struct kp_report_section *out, struct kp_error *e)
{
    char **paths = NULL;
    int64_t count = 0;
    enum kp_status st = kp_item_list(source->folder, &paths, &count, e);

    if (st != KP_OK)
        return st;
    out->name = base_name(source->folder);
    out->experiment = source->experiment ? strdup(source->experiment) : NULL;
    out->entries = calloc((size_t)count + 1, sizeof *out->entries);
    if (!out->name || !out->entries || (source->experiment && !out->experiment))
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < count && st == KP_OK; i++) {
        bool is_item = false;
        st = kp_entry_make(reader, paths[i], &out->entries[out->count], &is_item, e);
        out->count += st == KP_OK && is_item;
    }
    for (int64_t i = 0; i < count; i++)
        free(paths[i]);
    free((void *)paths);
    return st;
}

static void finish_section(struct kp_report_section *s)
{
    for (int64_t i = 0; i < s->count; i++)
        kp_entry_finish(&s->entries[i]);
    free(s->entries);
    free(s->name);
    free(s->experiment);
    *s = (struct kp_report_section){0};
}

enum kp_status kp_report_ask(const char *database, const struct kp_report_source *sources,
                             int64_t count, struct kp_report **out, struct kp_error *e)
{
    struct kp_report *r = calloc(1, sizeof *r);
    struct kp_reader *reader = NULL;
    enum kp_status st = r ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st == KP_OK) {
        r->database = strdup(database);
        r->sections = calloc((size_t)count + 1, sizeof *r->sections);
        if (!r->database || !r->sections)
            st = kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    if (st == KP_OK)
        st = kp_reader_open(database, &reader, e);
    if (st == KP_OK)
        st = kp_reader_freeze(reader, e);
    for (int64_t i = 0; i < count && st == KP_OK; i++) {
        struct kp_report_section *s = &r->sections[r->count];
        st = kp_reader_scope(reader, &sources[i].scope, e);
        if (st == KP_OK)
            st = ask_folder(reader, &sources[i], s, e);
        if (st == KP_OK && s->count > 0)
            r->count++;
        else
            finish_section(s);
    }
    kp_reader_close(reader);
    if (st == KP_OK)
        *out = r;
    else
        kp_report_destroy(r);
    return st;
}

void kp_report_destroy(struct kp_report *r)
{
    if (!r)
        return;
    for (int64_t i = 0; i < r->count; i++)
        finish_section(&r->sections[i]);
    free(r->sections);
    free(r->database);
    free(r);
}
