/* folder.c - image folders in the layout of ImageNet: split/CLASS/FILE. */
#include "base/file.h"
#include "base/text.h"
#include "data/catalogue.h"
#include "data/images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names in a folder, sorted by their bytes. */
struct names {
    char **v;
    int64_t count, room;
};

static void names_finish(struct names *n)
{
    for (int64_t i = 0; i < n->count; i++)
        free(n->v[i]);
    free(n->v);
    memset(n, 0, sizeof *n);
}

static bool names_add(struct names *n, const char *name)
{
    if (n->count == n->room) {
        int64_t room = n->room ? 2 * n->room : 256;
        char **grown = realloc(n->v, (size_t)room * sizeof *n->v);
        if (!grown)
            return false;
        n->v = grown;
        n->room = room;
    }
    n->v[n->count] = strdup(name);
    return n->v[n->count] && ++n->count;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_folder(int folder, const char *name)
{
    struct stat info;

    return fstatat(folder, name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

static bool is_image_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot &&
           (!strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".png"));
}

/* The folders (or the image files) in a folder. Only what begins with no dot counts. */
static enum kp_status names_read(const char *path, bool folders, struct names *out,
                                 struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct names n = {0};

    DIR *d = opendir(path);
    if (!d)
        return kp_fail(e, KP_E_IO, "%s: cannot read this folder: %s", path, strerror(errno));
    errno = 0;
    for (const struct dirent *x; (x = readdir(d)) != NULL; errno = 0) {
        if (x->d_name[0] == '.')
            continue;
        if (folders ? !is_folder(dirfd(d), x->d_name) : !is_image_name(x->d_name))
            continue;
        if (!names_add(&n, x->d_name)) {
            st = kp_fail(e, KP_E_NOMEM, "no memory for the names in %s", path);
            goto out;
        }
    }
    if (errno) {
        st = kp_fail(e, KP_E_IO, "%s: cannot read this folder: %s", path, strerror(errno));
        goto out;
    }
    if (n.count > 0)
        qsort(n.v, (size_t)n.count, sizeof *n.v, compare);
    *out = n;
    memset(&n, 0, sizeof n);

out:
    (void)closedir(d);
    names_finish(&n);
    return st;
}

/* All images of one class; `relative` is "train/CLASS". */
static enum kp_status add_class(struct kp_catalogue *c, enum kp_split split, const char *relative,
                                int64_t label, struct kp_error *e)
{
    enum kp_status st;
    struct names files = {0};
    struct kp_text path = {0};
    int fd = -1;

    char *folder = kp_path_join(c->folder, relative);
    if (!folder)
        return kp_fail(e, KP_E_NOMEM, "no memory to read %s", relative);
    st = names_read(folder, false, &files, e);
    if (st)
        goto out;
    if (files.count == 0) {
        st = kp_fail(e, KP_E_FORMAT,
                     "%s: no image in this class; files named .jpeg, .jpg or .png are expected",
                     folder);
        goto out;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int64_t i = 0; i < files.count && !st; i++) {
        struct stat info;
        if (fd < 0 || fstatat(fd, files.v[i], &info, 0) < 0) {
            st = kp_fail(e, KP_E_IO, "%s/%s: %s", folder, files.v[i], strerror(errno));
            break;
        }
        kp_text_clear(&path);
        kp_text_addf(&path, "%s/%s", relative, files.v[i]);
        if (path.failed)
            st = kp_fail(e, KP_E_NOMEM, "no memory for the names in %s", folder);
        else
            st = kp_catalogue_add(c, split, path.s, path.length, label, e);
        if (st)
            break;
        struct kp_catalogue_file *f = &c->file[split][c->count[split] - 1];
        f->bytes = info.st_size;
        f->time_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    }

out:
    if (fd >= 0)
        (void)close(fd);
    kp_text_finish(&path);
    names_finish(&files);
    free(folder);
    return st;
}

static enum kp_status add_split(struct kp_catalogue *c, enum kp_split split, const char *name,
                                const struct names *classes, struct kp_error *e)
{
    enum kp_status st = KP_OK;
    struct kp_text path = {0};

    for (int64_t k = 0; k < classes->count && !st; k++) {
        kp_text_clear(&path);
        kp_text_addf(&path, "%s/%s", name, classes->v[k]);
        st = path.failed ? kp_fail(e, KP_E_NOMEM, "no memory for the names in %s", name)
                         : add_class(c, split, path.s, k, e);
    }
    kp_text_finish(&path);
    return st;
}

/* Names of `a` that `b` lacks, the first ten. */
static int64_t add_missing(struct kp_text *t, const struct names *a, const struct names *b)
{
    int64_t missing = 0;

    for (int64_t i = 0; i < a->count; i++) {
        if (b->count && bsearch(&a->v[i], b->v, (size_t)b->count, sizeof *b->v, compare))
            continue;
        if (missing < 10)
            kp_text_addf(t, "%s%s", missing ? ", " : "", a->v[i]);
        missing++;
    }
    if (missing > 10)
        kp_text_addf(t, " and %lld more", (long long)missing - 10);
    return missing;
}

static enum kp_status check_same(const char *root, const char *other, const struct names *train,
                                 const struct names *test, struct kp_error *e)
{
    struct kp_text no_test = {0}, no_train = {0};
    enum kp_status st = KP_OK;
    int64_t left = add_missing(&no_test, train, test), right = add_missing(&no_train, test, train);

    if (left || right)
        st = kp_fail(e, KP_E_FORMAT,
                     "%s: the class folders differ between train and %s:%s%s%s%s%s%s", root, other,
                     left ? " only in train: " : "", left && no_test.s ? no_test.s : "",
                     left && right ? ";" : "", right ? " not in train: " : "",
                     right && no_train.s ? no_train.s : "", "; each needs the same ones");
    kp_text_finish(&no_test);
    kp_text_finish(&no_train);
    return st;
}

enum kp_status kp_catalogue_folder(const char *root, struct kp_catalogue *c, struct kp_error *e)
{
    enum kp_status st;
    struct names classes[KP_SPLITS] = {0};
    char *train = kp_path_join(root, "train"), *val = kp_path_join(root, "val");
    char *test = kp_path_join(root, "test");

    c->folder = kp_arena_strdup(&c->memory, root);
    if (!train || !val || !test || !c->folder) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to read %s", root);
        goto out;
    }
    const char *other = kp_file_exists(val) ? "val" : "test";
    if (!kp_file_exists(train) || (!kp_file_exists(val) && !kp_file_exists(test))) {
        st = kp_fail(e, KP_E_IO,
                     "%s: no such folder; an image folder has train/CLASS/*.JPEG and "
                     "val/CLASS/*.JPEG (or test): set [data] root (now '%s') or KAPPA_DATA to it",
                     kp_file_exists(train) ? val : train, root);
        goto out;
    }
    st = names_read(train, true, &classes[KP_SPLIT_TRAIN], e);
    if (st == KP_OK)
        st = names_read(strcmp(other, "val") == 0 ? val : test, true, &classes[KP_SPLIT_TEST], e);
    if (st)
        goto out;
    if (classes[KP_SPLIT_TRAIN].count == 0 || classes[KP_SPLIT_TRAIN].count > KP_CLASSES_MAX) {
        st = kp_fail(e, KP_E_FORMAT, "%s: %lld class folders; 1 to %d are expected", train,
                     (long long)classes[KP_SPLIT_TRAIN].count, KP_CLASSES_MAX);
        goto out;
    }
    st = check_same(root, other, &classes[KP_SPLIT_TRAIN], &classes[KP_SPLIT_TEST], e);
    if (st == KP_OK)
        st = add_split(c, KP_SPLIT_TRAIN, "train", &classes[KP_SPLIT_TRAIN], e);
    if (st == KP_OK)
        st = add_split(c, KP_SPLIT_TEST, other, &classes[KP_SPLIT_TEST], e);
    if (st == KP_OK)
        st = kp_catalogue_check(c, root, classes[KP_SPLIT_TRAIN].count, e);

out:
    for (int s = 0; s < KP_SPLITS; s++)
        names_finish(&classes[s]);
    free(train);
    free(val);
    free(test);
    return st;
}

enum kp_status kp_folder_open(const struct kp_dataset_config *config, struct kp_dataset *d,
                              struct kp_error *e)
{
    enum kp_status st = kp_catalogue_folder(config->root, &d->storage->files, e);

    return st ? st : kp_images_open(config, d, e);
}
