/* numbers.c - an example of a dataset depends on nothing but its split and number, and a folder
 * that is not there is refused with a reason. */
#include "conform/tests.h"
#include "conform/use_dataset.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLES 16
#define ROUNDS   100

/* What all examples are when read together. */
struct together {
    int64_t number[EXAMPLES];
    uint8_t *example;
    uint8_t *label;
};

static enum kp_status read_together(struct kp_used_dataset *d, enum kp_dataset_split split,
                                    struct together *t, struct kp_error *e)
{
    const size_t x = EXAMPLES * kp_used_dataset_example(d),
                 y = EXAMPLES * kp_used_dataset_labels(d);
    uint8_t *example;
    int32_t *label;

    for (int64_t i = 0; i < EXAMPLES; i++)
        t->number[i] = kp_used_dataset_number(d, split, i);
    enum kp_status st = kp_used_dataset_read(d, split, t->number, EXAMPLES, &example, &label, e);
    if (st != KP_OK)
        return st;
    t->example = malloc(x);
    t->label = malloc(y);
    if (!t->example || !t->label)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    memcpy(t->example, example, x);
    memcpy(t->label, label, y);
    return KP_OK;
}

/* Each alone, from the last to the first, in memory that held something else. */
static enum kp_status read_apart(struct kp_used_dataset *d, enum kp_dataset_split split,
                                 const struct together *t, struct kp_error *e)
{
    const size_t x = kp_used_dataset_example(d), y = kp_used_dataset_labels(d);

    d->poison ^= 0xff;
    for (int64_t i = EXAMPLES - 1; i >= 0; i--) {
        uint8_t *example;
        int32_t *label;
        enum kp_status st = kp_used_dataset_read(d, split, &t->number[i], 1, &example, &label, e);

        if (st != KP_OK)
            return st;
        if (memcmp(example, t->example + (size_t)i * x, x) != 0 ||
            memcmp(label, t->label + (size_t)i * y, y) != 0)
            return kp_fail(e, KP_E_NUMERIC,
                           "%s example %lld alone is another than read with others; it may depend "
                           "on nothing but its number, and all of it must be written",
                           split == KP_DATASET_TRAIN ? "training" : "test",
                           (long long)t->number[i]);
    }
    return KP_OK;
}

/* A thread that reads the same examples again and again, as others do at the same time. */
struct reader {
    struct kp_used_dataset data; /* the plugin's state is shared, the memory is not */
    enum kp_dataset_split split;
    const struct together *all;
    struct kp_error why;
};

static void *read_often(void *arg)
{
    struct reader *r = arg;
    const size_t bytes = EXAMPLES * kp_used_dataset_example(&r->data);
    enum kp_status st = KP_OK;
    uint8_t *example;
    int32_t *label;

    for (int i = 0; st == KP_OK && i < ROUNDS; i++) {
        st = kp_used_dataset_read(&r->data, r->split, r->all->number, EXAMPLES, &example, &label,
                                  &r->why);
        if (st == KP_OK && memcmp(example, r->all->example, bytes) != 0)
            st = kp_fail(&r->why, KP_E_NUMERIC,
                         "examples are others while another thread reads; read() must not change "
                         "what threads share");
    }
    kp_guards_finish(&r->data.memory);
    return NULL;
}

static enum kp_status read_beside(const struct kp_used_dataset *d, enum kp_dataset_split split,
                                  const struct together *all, struct kp_error *e)
{
    struct reader r[2] = {{.data = *d, .split = split, .all = all},
                          {.data = *d, .split = split, .all = all}};
    pthread_t other;

    for (int i = 0; i < 2; i++) {
        r[i].data.memory = (struct kp_guards){0};
        r[i].data.guarded.slate = NULL;
    }
    if (pthread_create(&other, NULL, read_often, &r[1]) != 0)
        return kp_fail(e, KP_E_NOMEM, "no thread to read in");
    (void)read_often(&r[0]);
    (void)pthread_join(other, NULL);
    for (int i = 0; i < 2; i++)
        if (r[i].why.status != KP_OK)
            return kp_fail(e, r[i].why.status, "%s", r[i].why.text);
    return KP_OK;
}

static enum kp_status check_missing(struct kp_trial *t, struct kp_use u, struct kp_error *e)
{
    struct kp_error why = {0};
    void *instance = NULL;

    u.variant = 2;
    if (kp_use_dataset.open(t, &u, &instance, &why) == KP_OK)
        kp_use_dataset.close(instance);
    else if (strstr(why.text, "without saying why"))
        return kp_fail(e, KP_E_INVALID, "with a root that is not there %s", why.text);
    return KP_OK;
}

enum kp_status kp_check_numbers(struct kp_trial *t, struct kp_error *e)
{
    struct kp_use u;
    void *instance = NULL;
    enum kp_status st = kp_use_first(t, "ref", &u, e);

    if (st == KP_OK)
        st = kp_use_dataset.open(t, &u, &instance, e);
    for (int split = 0; st == KP_OK && split < KP_DATASET_SPLITS; split++) {
        struct together all = {.example = NULL};

        st = read_together(instance, (enum kp_dataset_split)split, &all, e);
        if (st == KP_OK)
            st = read_apart(instance, (enum kp_dataset_split)split, &all, e);
        if (st == KP_OK)
            st = read_beside(instance, (enum kp_dataset_split)split, &all, e);
        free(all.example);
        free(all.label);
    }
    if (instance)
        kp_use_dataset.close(instance);
    return st == KP_OK ? check_missing(t, u, e) : st;
}
