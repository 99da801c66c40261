/* queries.c - the queries of experiments/sql, by name. */
#include "app/queries.h"

#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 20 };

static const char suffix[] = ".sql";

bool kp_query_is_name(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

char *kp_query_path(const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s%s", KP_QUERIES_FOLDER, name, suffix) < 0 ? NULL : path;
}

static int is_query(const struct dirent *d)
{
    size_t n = strlen(d->d_name), end = strlen(suffix);
    return d->d_name[0] != '.' && n > end && strcmp(d->d_name + n - end, suffix) == 0;
}

static enum kp_status add_line(const char *file, struct kp_text *out, struct kp_error *e)
{
    static const char head[] = "-- title: ";
    char *path = kp_path_join(KP_QUERIES_FOLDER, file);
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
    int n = scandir(KP_QUERIES_FOLDER, &files, is_query, alphasort);
    enum kp_status st = KP_OK;

    if (n <= 0)
        st = kp_fail(e, KP_E_INVALID,
                     "%s: no queries here; work in kappa's own folder, or name a file",
                     KP_QUERIES_FOLDER);
    for (int i = 0; i < n; i++) {
        if (st == KP_OK)
            st = add_line(files[i]->d_name, out, e);
        free(files[i]);
    }
    free((void *)files);
    return st;
}
