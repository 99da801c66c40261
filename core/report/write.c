/* write.c - the files of a report. */
#include "report/report.h"

#include "base/file.h"
#include "report/gnuplot.h"
#include "report/script.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum kp_status write_file(const char *folder, const char *name, const char *suffix,
                                 const struct kp_text *text, struct kp_error *e)
{
    struct kp_text path = {0};
    struct kp_replace file = {.fd = -1};
    enum kp_status st = KP_OK;

    kp_text_addf(&path, "%s/%s%s", folder, name, suffix);
    if (path.failed || text->failed)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        st = kp_replace_begin(path.s, &file, e);
    if (st == KP_OK) {
        kp_replace_write(&file, text->s ? text->s : "", text->length);
        st = kp_replace_commit(&file, e);
    }
    kp_text_finish(&path);
    return st;
}

/* The item's template, copied beside its data so that the folder can draw itself again. */
static enum kp_status copy_template(const struct kp_item *item, const char *folder,
                                    struct kp_error *e)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct kp_text text = {0};
    enum kp_status st = kp_file_read(item->plot, KP_ITEM_LIMIT, &bytes, &size, e);

    if (st != KP_OK)
        return kp_fail_in(e, "%s: its template", item->path);
    kp_text_add_bytes(&text, (const char *)bytes, size);
    free(bytes);
    st = write_file(folder, item->name, ".gp", &text, e);
    kp_text_finish(&text);
    return st;
}

static enum kp_status read_drawing(struct kp_entry *x, const char *folder, struct kp_error *e)
{
    struct kp_text path = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    enum kp_status st;

    kp_text_addf(&path, "%s/%s.svg", folder, x->item.name);
    st = path.failed ? kp_fail(e, KP_E_NOMEM, "out of memory")
                     : kp_file_read(path.s, (size_t)64 << 20, &bytes, &size, e);
    if (st == KP_OK)
        x->svg = (char *)bytes;
    kp_text_finish(&path);
    return st;
}

/* An older drawing must not stand for data that could not be drawn. */
static void remove_drawings(const struct kp_entry *x, const char *folder)
{
    static const char *const suffixes[] = {"svg", "pdf"};

    for (int i = 0; i < 2; i++) {
        struct kp_text path = {0};
        kp_text_addf(&path, "%s/%s.%s", folder, x->item.name, suffixes[i]);
        if (!path.failed)
            (void)unlink(path.s);
        kp_text_finish(&path);
    }
}

/* Data and script of a figure. */
static enum kp_status write_drawing_files(const struct kp_entry *x, const char *folder,
                                          struct kp_error *e)
{
    bool kappa = strncmp(x->item.x, "kappa", strlen("kappa")) == 0;
    struct kp_blocks blocks = {0};
    struct kp_looks looks = {0};
    struct kp_text data = {0}, script = {0};
    char footnote[96];
    enum kp_status st = copy_template(&x->item, folder, e);

    if (st == KP_OK)
        st = kp_blocks_make(&x->rows, &blocks, e);
    if (st == KP_OK)
        st = kp_looks_make(&x->rows, &blocks, &looks, e);
    if (st == KP_OK) {
        kp_figure_data(&x->rows, &blocks, kappa ? &x->missing : NULL, x->item.gaps, &data);
        st = write_file(folder, x->item.name, ".dat", &data, e);
    }
    if (st == KP_OK) {
        kp_entry_footnote(x, footnote, sizeof footnote);
        kp_script_make(&x->item, &blocks, &looks, footnote, &script);
        st = write_file(folder, x->item.name, ".gnuplot", &script, e);
    }
    kp_looks_finish(&looks);
    kp_blocks_finish(&blocks);
    kp_text_finish(&data);
    kp_text_finish(&script);
    return st;
}

static enum kp_status draw(struct kp_entry *x, const char *folder, struct kp_report_result *result,
                           struct kp_error *e)
{
    struct kp_text name = {0};
    bool there = false;
    enum kp_status st;

    remove_drawings(x, folder);
    st = write_drawing_files(x, folder, e);
    kp_text_addf(&name, "%s.gnuplot", x->item.name);
    if (st == KP_OK && name.failed)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK && x->rows.count > 0 && result->gnuplot) {
        st = kp_gnuplot_run(folder, name.s, &there, e);
        result->gnuplot = there;
        if (st == KP_OK && there)
            st = read_drawing(x, folder, e);
        if (st != KP_OK)
            remove_drawings(x, folder);
        result->drawn += st == KP_OK && there;
        if (st != KP_OK && st != KP_E_NOMEM)
            (void)kp_fail_in(e, "%s", x->item.plot);
    }
    kp_text_finish(&name);
    return st;
}

static enum kp_status write_entry(struct kp_entry *x, const char *folder,
                                  struct kp_report_result *result, struct kp_error *e)
{
    struct kp_text text = {0}, query = {0};
    enum kp_status st;

    result->figures += x->item.kind == KP_ITEM_FIGURE;
    result->tables += x->item.kind == KP_ITEM_TABLE;
    result->claims += x->item.kind == KP_ITEM_CLAIM;
    kp_text_add(&query, x->item.text);
    st = write_file(folder, x->item.name, ".sql", &query, e);
    if (st == KP_OK)
        st = write_file(folder, x->item.name, ".csv", &x->csv, e);
    if (st == KP_OK) {
        kp_report_entry_text(x, &text);
        st = write_file(folder, x->item.name, ".txt", &text, e);
    }
    kp_text_finish(&text);
    kp_text_finish(&query);
    if (st != KP_OK || x->item.kind != KP_ITEM_FIGURE)
        return st;
    st = draw(x, folder, result, e);
    /* A folder that cannot be written ends the report; a drawing that fails is told beside it. */
    if (st == KP_E_FORMAT || st == KP_E_INVALID || st == KP_E_IO) {
        x->problem = strdup(e->text);
        if (!x->problem)
            return kp_fail(e, KP_E_NOMEM, "out of memory");
        *e = (struct kp_error){0};
        st = KP_OK;
    }
    return st;
}

enum kp_status kp_report_write(struct kp_report *r, const char *folder,
                               struct kp_report_result *out, struct kp_error *e)
{
    struct kp_report_result result = {.gnuplot = true};
    struct kp_text page = {0};
    enum kp_status st = kp_folder_make(folder, e);

    for (int64_t i = 0; i < r->count && st == KP_OK; i++) {
        struct kp_report_section *s = &r->sections[i];
        char *place = kp_path_join(folder, s->name);
        st = place ? kp_folder_make(place, e) : kp_fail(e, KP_E_NOMEM, "out of memory");
        for (int64_t k = 0; k < s->count && st == KP_OK; k++) {
            if (!s->entries[k].problem)
                st = write_entry(&s->entries[k], place, &result, e);
            result.problems += s->entries[k].problem != NULL;
        }
        free(place);
    }
    if (st == KP_OK) {
        kp_report_page(r, &result, &page);
        st = write_file(folder, "index", ".html", &page, e);
    }
    kp_text_finish(&page);
    if (st == KP_OK)
        *out = result;
    return st;
}
