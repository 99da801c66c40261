/* list.c - a text file that names images: `path label split` per line. */
#include "base/file.h"
#include "data/catalogue.h"
#include "data/images.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_MAX    ((size_t)1 << 30)
#define LINE_LIMIT  ((size_t)4096)
#define LIST_ADVICE "`path label split` would be right, such as `cats/1.jpg 3 train`"

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The last word before s[*end]; *end moves in front of it and the blanks before it. */
static const char *last_word(const char *s, size_t *end, size_t *length)
{
    size_t to = *end;

    while (to > 0 && blank(s[to - 1]))
        to--;
    size_t from = to;
    while (from > 0 && !blank(s[from - 1]))
        from--;
    *length = to - from;
    for (*end = from; *end > 0 && blank(s[*end - 1]);)
        --*end;
    return s + from;
}

static bool parse_label(const char *s, size_t n, int64_t *out)
{
    int64_t v = 0;

    if (n < 1 || n > 9)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = 10 * v + (s[i] - '0');
    }
    *out = v;
    return v < KP_CLASSES_MAX;
}

/* A path may hold blanks: the line is read from its end. */
static enum kp_status parse_line(struct kp_catalogue *c, const char *s, size_t size,
                                 const char *name, int64_t line, int64_t *classes,
                                 struct kp_error *e)
{
    size_t end = size, split_length, label_length;
    int64_t label;

    while (end > 0 && blank(*s)) {
        s++;
        end--;
    }
    if (end == 0 || *s == '#')
        return KP_OK;
    if (size > LINE_LIMIT)
        return kp_fail(e, KP_E_FORMAT, "%s:%lld: %zu bytes in a line; at most %zu are accepted",
                       name, (long long)line, size, LINE_LIMIT);
    if (memchr(s, '\0', end))
        return kp_fail(e, KP_E_FORMAT, "%s:%lld: a zero byte, where text is expected", name,
                       (long long)line);
    const char *split = last_word(s, &end, &split_length);
    const char *digits = last_word(s, &end, &label_length);
    bool test = split_length == 4 && memcmp(split, "test", 4) == 0;
    if (end == 0)
        return kp_fail(e, KP_E_FORMAT, "%s:%lld: fewer than three words; " LIST_ADVICE, name,
                       (long long)line);
    if (!test && !(split_length == 5 && memcmp(split, "train", 5) == 0))
        return kp_fail(e, KP_E_FORMAT, "%s:%lld: split '%.*s' is neither train nor test", name,
                       (long long)line, split_length > 40 ? 40 : (int)split_length, split);
    if (!parse_label(digits, label_length, &label))
        return kp_fail(e, KP_E_FORMAT, "%s:%lld: label '%.*s', must be 0 to %d", name,
                       (long long)line, label_length > 40 ? 40 : (int)label_length, digits,
                       KP_CLASSES_MAX - 1);
    if (label >= *classes)
        *classes = label + 1;
    return kp_catalogue_add(c, test ? KP_SPLIT_TEST : KP_SPLIT_TRAIN, s, end, label, e);
}

enum kp_status kp_catalogue_parse(const char *text, size_t size, const char *name,
                                  struct kp_catalogue *c, struct kp_error *e)
{
    int64_t line = 0, classes = 0;

    if (!c->folder)
        c->folder = name;
    for (size_t at = 0; at < size; line++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t n = end ? (size_t)(end - text) - at : size - at;
        enum kp_status st = parse_line(c, text + at, n, name, line + 1, &classes, e);
        if (st)
            return st;
        at += n + 1;
    }
    return kp_catalogue_check(c, name, classes, e);
}

/* Sizes and times of the files, which must be there. */
static enum kp_status look(struct kp_catalogue *c, const char *name, struct kp_error *e)
{
    for (int s = 0; s < KP_SPLITS; s++)
        for (int64_t i = 0; i < c->count[s]; i++) {
            struct kp_catalogue_file *f = &c->file[s][i];
            struct stat info;
            char *path = kp_path_join(c->folder, f->path);
            int failed = path ? stat(path, &info) : -1;
            free(path);
            if (!path)
                return kp_fail(e, KP_E_NOMEM, "no memory for a path");
            if (failed)
                return kp_fail(e, KP_E_IO, "%s: names %s: %s", name, f->path, strerror(errno));
            f->bytes = info.st_size;
            f->time_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
        }
    return KP_OK;
}

enum kp_status kp_catalogue_list(const char *path, struct kp_catalogue *c, struct kp_error *e)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    char *folder = kp_path_beside(path, ".");

    c->folder = folder ? kp_arena_strdup(&c->memory, folder) : NULL;
    free(folder);
    if (!c->folder)
        return kp_fail(e, KP_E_NOMEM, "no memory to read %s", path);
    enum kp_status st = kp_file_read(path, LIST_MAX, &bytes, &size, e);
    if (st)
        return st;
    st = kp_catalogue_parse((const char *)bytes, size, path, c, e);
    free(bytes);
    if (st == KP_OK)
        st = look(c, path, e);
    return st;
}

enum kp_status kp_list_open(const struct kp_dataset_config *config, struct kp_dataset *d,
                            struct kp_error *e)
{
    enum kp_status st;
    const char *list = config->list && config->list[0] ? config->list : "list.txt";

    char *path = kp_path_join(config->root, list);
    if (!path)
        return kp_fail(e, KP_E_NOMEM, "no memory to open %s", list);
    if (!kp_file_exists(path))
        st = kp_fail(e, KP_E_IO,
                     "%s: no such file; [data] root (now '%s') and list (now '%s') must lead to a "
                     "text file of lines `path label split`",
                     path, config->root, list);
    else
        st = kp_catalogue_list(path, &d->storage->files, e);
    if (st == KP_OK)
        st = kp_images_open(config, d, e);
    free(path);
    return st;
}
