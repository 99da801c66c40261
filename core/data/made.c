/* made.c - opens a dataset plugin, checks what it says, and asks it for examples. */
#include "data/made.h"

#include "base/running.h"
#include "data/catalogue.h"
#include "data/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of one example. */
#define ELEMENTS_MAX (INT64_C(1) << 26)

/* What a plugin sees; its private part follows. */
struct asking {
    struct kp_data head; /* first: plugins see a pointer to it */
    struct kp_error *error;
};

static enum kp_status asking_fail(struct kp_data *d, enum kp_status st, const char *fmt, ...)
    KP_PRINTF(3, 4);
static enum kp_status asking_fail(struct kp_data *d, enum kp_status st, const char *fmt, ...)
{
    struct kp_error *e = ((struct asking *)d)->error;
    va_list args;

    if (e->status != KP_OK)
        return e->status;
    va_start(args, fmt);
    st = kp_fail_v(e, st, fmt, args);
    va_end(args);
    return st;
}

static struct asking ask(const struct kp_made *m, struct kp_error *e)
{
    return (struct asking){{sizeof(struct kp_data), m->root, asking_fail}, e};
}

/* NULL, or what is wrong with it. */
static const char *check_example(const struct kp_dataset_info *info)
{
    int64_t count = 1;

    if (info->dtype != KP_U8 && info->dtype != KP_F32 && info->dtype != KP_I32)
        return "its dtype is none of KP_U8, KP_F32 and KP_I32";
    if (info->shape.n < 1 || info->shape.n > 4)
        return "an example must have 1 to 4 dims";
    for (int32_t i = 0; i < info->shape.n; i++) {
        if (info->shape.dim[i] < 1 || info->shape.dim[i] > ELEMENTS_MAX / count)
            return "an example has an extent below 1, or more than 2^26 numbers";
        count *= info->shape.dim[i];
    }
    if (info->dtype == KP_U8 && info->shape.n != 3)
        return "bytes must be images (C, H, W)";
    if (info->labels.n != 0 && (info->labels.n != 1 || info->dtype != KP_I32 ||
                                !kp_shape_equal(info->labels, info->shape)))
        return "an example must have one label or, where it is (T) tokens, one for each";
    return NULL;
}

static const char *check_lengths(const struct kp_dataset_info *info)
{
    if (info->length && info->labels.n == 0)
        return "lengths are for text, with a label for each token";
    for (int64_t k = 0; info->length && k < info->classes; k++)
        if (!(info->length[k] >= 0 && isfinite(info->length[k])))
            return "the length of a token must be a number of characters, 0 or more";
    return NULL;
}

static const char *check(const struct kp_dataset_info *info)
{
    const char *wrong;

    if (info->classes < 2 || info->classes > KP_CLASSES_MAX)
        return "it must have 2 to 1000000 classes";
    for (int s = 0; s < KP_SPLITS; s++)
        if (info->count[s] < 1 || info->count[s] > KP_DATASET_EXAMPLES_MAX)
            return "a split must have 1 to 2^48 examples";
    if (info->count[KP_SPLIT_TEST] > KP_EXAMPLES_MAX)
        return "the test split has more than 100000000 examples";
    if (!info->endless && info->count[KP_SPLIT_TRAIN] > KP_EXAMPLES_MAX)
        return "the training split has more than 100000000 examples and is not endless";
    if (!memchr(info->identity, '\0', sizeof(info->identity)))
        return "its identity does not end";
    wrong = check_example(info);
    return wrong ? wrong : check_lengths(info);
}

enum kp_status kp_made_open(const struct kp_dataset_config *c, struct kp_dataset *d,
                            struct kp_error *e)
{
    struct kp_dataset_info info = {.size = sizeof(info)};
    struct kp_error why = {0};
    struct kp_made *m = &d->made;

    m->root = strdup(c->root ? c->root : "");
    if (!m->root)
        return kp_fail(e, KP_E_NOMEM, "no memory for a dataset");
    m->def = c->def;
    m->self = c->self;
    struct asking a = ask(m, &why);
    enum kp_status st;

    KP_IN_PLUGIN("dataset", m->def->name, "open", st = m->def->open(m->self, &a.head, &info));
    if (why.status == KP_OK && st != KP_OK)
        (void)kp_fail(&why, st, "open failed without saying why");
    const char *wrong = why.status == KP_OK ? check(&info) : NULL;
    if (wrong)
        (void)kp_fail(&why, KP_E_INVALID, "%s", wrong);
    if (why.status != KP_OK)
        return kp_fail(e, why.status, "dataset '%s': %s", m->def->name, why.text);
    d->classes = info.classes;
    d->dtype = info.dtype;
    d->shape = info.shape;
    d->labels = info.labels;
    for (int s = 0; s < KP_SPLITS; s++)
        d->split[s].count = info.count[s];
    m->endless = info.endless;
    m->length = info.length;
    memcpy(m->identity, info.identity, sizeof(m->identity));
    return KP_OK;
}

enum kp_status kp_made_read(const struct kp_dataset *d, enum kp_split split, int64_t i,
                            void *example, int32_t *label, struct kp_error *e)
{
    const struct kp_made *m = &d->made;
    struct asking a = ask(m, e);
    enum kp_status st;

    KP_IN_PLUGIN(
        "dataset", m->def->name, "read",
        st = m->def->read(m->self, &a.head, (enum kp_dataset_split)split, &i, 1, example, label));

    if (e->status == KP_OK && st != KP_OK)
        (void)kp_fail(e, st, "read failed without saying why");
    for (int64_t k = 0; e->status == KP_OK && k < kp_shape_count(d->labels); k++)
        if (label[k] < -1 || label[k] >= d->classes)
            (void)kp_fail(e, KP_E_FORMAT, "label %d, must be 0 to %lld, or -1 for none",
                          (int)label[k], (long long)d->classes - 1);
    return e->status == KP_OK
               ? KP_OK
               : kp_fail_in(e, "dataset '%s': example %lld", m->def->name, (long long)i);
}

void kp_made_close(struct kp_made *m)
{
    if (m->def && m->def->close)
        KP_IN_PLUGIN("dataset", m->def->name, "close", m->def->close(m->self));
    free(m->root);
    *m = (struct kp_made){0};
}
