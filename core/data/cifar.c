/* cifar.c - the binary versions of CIFAR-10 and CIFAR-100: files of records, mapped. */
#include "data/format.h"

#include <stdlib.h>

/* Which files, and what a record begins with. */
struct layout {
    const char *title, *folder; /* folder: where the archive unpacks to */
    const char *const *names;   /* the last one is the test split */
    int files;
    size_t record, label; /* bytes in all, offset of the label */
    int64_t classes;
};

static const char *const names10[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                      "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
static const char *const names100[] = {"train.bin", "test.bin"};

enum kp_status kp_cifar_parse(size_t size, size_t record, const char *name, int64_t *count,
                              struct kp_error *e)
{
    size_t rest = size % record;
    int64_t records = (int64_t)(size / record);

    if (size == 0)
        return kp_fail(e, KP_E_FORMAT, "%s: offset 0: empty; records of %zu bytes are expected",
                       name, record);
    if (rest)
        return kp_fail(
            e, KP_E_FORMAT,
            "%s: offset %zu: truncated record: %zu bytes after %lld whole records of %zu", name,
            size, rest, (long long)records, record);
    if (records > KP_EXAMPLES_MAX)
        return kp_fail(e, KP_E_FORMAT, "%s: %lld records; at most %lld are accepted", name,
                       (long long)records, (long long)KP_EXAMPLES_MAX);
    *count = records;
    return KP_OK;
}

static enum kp_status fail_missing(struct kp_error *e, const struct layout *l, const char *path,
                                   const char *root)
{
    return kp_fail(e, KP_E_IO,
                   "%s: no such file; the binary version of %s has %s%s and %s: set [data] root "
                   "(now '%s') or KAPPA_DATA to the folder that holds them, or to the one that "
                   "holds their folder %s",
                   path, l->title, l->names[0], l->files > 2 ? " to data_batch_5.bin" : "",
                   l->names[l->files - 1], root, l->folder);
}

/* Map file number `f` of the folder as the next part of x. */
static enum kp_status part_open(const struct layout *l, const char *folder, const char *root, int f,
                                struct kp_storage *s, struct kp_examples *x, struct kp_error *e)
{
    enum kp_status st;
    int64_t count;
    int32_t *labels;

    char *path = kp_path_join(folder, l->names[f]);
    if (!path)
        return kp_fail(e, KP_E_NOMEM, "no memory to open %s", l->names[f]);
    if (!kp_file_exists(path)) {
        st = fail_missing(e, l, path, root);
        goto out;
    }
    struct kp_mapping *m = &s->map[s->maps];
    st = kp_file_map(path, m, e);
    if (st)
        goto out;
    s->maps++;
    st = kp_cifar_parse(m->size, l->record, path, &count, e);
    if (st)
        goto out;
    labels = realloc(x->labels, (size_t)(x->count + count) * sizeof *labels);
    if (!labels) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory for %lld labels", path, (long long)count);
        goto out;
    }
    x->labels = labels;
    st = kp_labels_parse(m->bytes, l->label, l->record, count, l->classes, path, labels + x->count,
                         e);
    if (st)
        goto out;
    size_t image = l->record - (size_t)3 * KP_CIFAR_SIDE * KP_CIFAR_SIDE;
    x->part[x->parts++] = (struct kp_examples_part){count, m->bytes + image, KP_PIXELS_CHW};
    x->count += count;
    x->stride = l->record;

out:
    free(path);
    return st;
}

static enum kp_status open_layout(const struct layout *l, const char *root, struct kp_dataset *d,
                                  struct kp_error *e)
{
    enum kp_status st = KP_OK;

    d->classes = l->classes;
    d->shape = (struct kp_shape){3, {3, KP_CIFAR_SIDE, KP_CIFAR_SIDE}};
    char *inner = kp_path_join(root, l->folder);
    char *first = kp_path_join(root, l->names[0]);
    if (!inner || !first) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to open %s", root);
        goto out;
    }
    const char *folder = kp_file_exists(first) || !kp_file_exists(inner) ? root : inner;
    for (int f = 0; f < l->files && !st; f++) {
        enum kp_split split = f < l->files - 1 ? KP_SPLIT_TRAIN : KP_SPLIT_TEST;
        st = part_open(l, folder, root, f, d->storage, &d->split[split], e);
    }

out:
    free(inner);
    free(first);
    return st;
}

enum kp_status kp_cifar10_open(const struct kp_dataset_config *c, struct kp_dataset *d,
                               struct kp_error *e)
{
    static const struct layout layout = {
        "CIFAR-10", "cifar-10-batches-bin", names10, 6, KP_CIFAR_RECORD, 0, KP_CIFAR_CLASSES};

    return open_layout(&layout, c->root, d, e);
}

enum kp_status kp_cifar100_open(const struct kp_dataset_config *c, struct kp_dataset *d,
                                struct kp_error *e)
{
    struct layout layout = {"CIFAR-100", "cifar-100-binary", names100, 2, KP_CIFAR100_RECORD, 1,
                            100};

    if (c->coarse) {
        layout.label = 0;
        layout.classes = 20;
    }
    return open_layout(&layout, c->root, d, e);
}
