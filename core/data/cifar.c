/* cifar.c - the binary version of CIFAR-10: six files of records, mapped. */
#include "data/format.h"

#include <stdlib.h>

#define FOLDER      "cifar-10-batches-bin"
#define TRAIN_FILES 5

static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

enum kp_status kp_cifar_parse(size_t size, const char *name, int64_t *count, struct kp_error *e)
{
    size_t rest = size % KP_CIFAR_RECORD;
    int64_t records = (int64_t)(size / KP_CIFAR_RECORD);

    if (size == 0)
        return kp_fail(e, KP_E_FORMAT, "%s: offset 0: empty; records of %zu bytes are expected",
                       name, KP_CIFAR_RECORD);
    if (rest)
        return kp_fail(
            e, KP_E_FORMAT,
            "%s: offset %zu: truncated record: %zu bytes after %lld whole records of %zu", name,
            size, rest, (long long)records, KP_CIFAR_RECORD);
    if (records > KP_EXAMPLES_MAX)
        return kp_fail(e, KP_E_FORMAT, "%s: %lld records; at most %lld are accepted", name,
                       (long long)records, (long long)KP_EXAMPLES_MAX);
    *count = records;
    return KP_OK;
}

static enum kp_status fail_missing(struct kp_error *e, const char *path, const char *root)
{
    return kp_fail(e, KP_E_IO,
                   "%s: no such file; the binary version of CIFAR-10 has data_batch_1.bin to "
                   "data_batch_5.bin and test_batch.bin: set [data] root (now '%s') or KAPPA_DATA "
                   "to the folder that holds them, or to the one that holds their folder %s",
                   path, root, FOLDER);
}

/* Map file number `f` of the folder as the next part of x. */
static enum kp_status part_open(const char *folder, const char *root, int f, struct kp_storage *s,
                                struct kp_examples *x, struct kp_error *e)
{
    enum kp_status st;
    int64_t count;
    int32_t *labels;

    char *path = kp_path_join(folder, names[f]);
    if (!path)
        return kp_fail(e, KP_E_NOMEM, "no memory to open %s", names[f]);
    if (!kp_file_exists(path)) {
        st = fail_missing(e, path, root);
        goto out;
    }
    struct kp_mapping *m = &s->map[s->maps];
    st = kp_file_map(path, m, e);
    if (st)
        goto out;
    s->maps++;
    st = kp_cifar_parse(m->size, path, &count, e);
    if (st)
        goto out;
    labels = realloc(x->labels, (size_t)(x->count + count) * sizeof *labels);
    if (!labels) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory for %lld labels", path, (long long)count);
        goto out;
    }
    x->labels = labels;
    st = kp_labels_parse(m->bytes, 0, KP_CIFAR_RECORD, count, KP_CIFAR_CLASSES, path,
                         labels + x->count, e);
    if (st)
        goto out;
    x->part[x->parts++] = (struct kp_examples_part){count, m->bytes + 1};
    x->count += count;
    x->stride = KP_CIFAR_RECORD;

out:
    free(path);
    return st;
}

enum kp_status kp_cifar_open(const char *root, struct kp_dataset *d, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    d->classes = KP_CIFAR_CLASSES;
    d->shape = (struct kp_shape){3, {3, KP_CIFAR_SIDE, KP_CIFAR_SIDE}};
    char *inner = kp_path_join(root, FOLDER);
    char *first = kp_path_join(root, names[0]);
    if (!inner || !first) {
        st = kp_fail(e, KP_E_NOMEM, "no memory to open %s", root);
        goto out;
    }
    const char *folder = kp_file_exists(first) || !kp_file_exists(inner) ? root : inner;
    for (int f = 0; f <= TRAIN_FILES && !st; f++) {
        enum kp_split split = f < TRAIN_FILES ? KP_SPLIT_TRAIN : KP_SPLIT_TEST;
        st = part_open(folder, root, f, d->storage, &d->split[split], e);
    }

out:
    free(inner);
    free(first);
    return st;
}
