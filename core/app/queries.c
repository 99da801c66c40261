/* queries.c - the queries of experiments/sql, by name. */
#include "app/queries.h"

#include "app/setup.h"
#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 20 };

static const char folder[] = "experiments/sql", suffix[] = ".sql";

bool kp_query_is_name(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

enum kp_status kp_query_path(const char *name, char **out, struct kp_error *e)
{
    char *place = NULL, *path = NULL;
    enum kp_status st = kp_setup_find(folder, &place, e);

    if (st == KP_OK && asprintf(&path, "%s/%s%s", place, name, suffix) < 0)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        *out = path;
    free(place);
    return st;
}

static int is_query(const struct dirent *d)
{
    size_t n = strlen(d->d_name), end = strlen(suffix);
    return d->d_name[0] != '.' && n > end && strcmp(d->d_name + n - end, suffix) == 0;
}

static enum kp_status add_line(const char *place, const char *file, struct kp_text *out,
                               struct kp_error *e)
{
    static const char head[] = "-- title: ";
    char *path = kp_path_join(place, file);
    uint8_t *bytes = NULL;
    size_t size;
    enum kp_status st = path ? kp_file_read(path, FILE_LIMIT, &bytes, &size, e)
                             : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st == KP_OK) {
        const char *text = (const char *)bytes;
        bool titled = strncmp(text, head, strlen(head)) == 0;
        kp_text_addf(out, "%-18.*s  %.*s\n", (int)(strlen(file) - strlen(suffix)), file,
                     titled ? (int)strcspn(text + strlen(head), "\r\n") : 0, text + strlen(head));
    }
    free(bytes);
    free(path);
    return st;
}

enum kp_status kp_queries_list(struct kp_text *out, struct kp_error *e)
{
    struct dirent **files = NULL;
    char *place = NULL;
    enum kp_status st = kp_setup_find(folder, &place, e);
    int n = st == KP_OK ? scandir(place, &files, is_query, alphasort) : 0;

    if (st == KP_OK && n <= 0)
        st = kp_fail(e, KP_E_INVALID, "%s: no queries there; reinstall kappa, or name a file",
                     place);
    for (int i = 0; i < n; i++) {
        if (st == KP_OK)
            st = add_line(place, files[i]->d_name, out, e);
        free(files[i]);
    }
    free((void *)files);
    free(place);
    return st;
}
