/* test_languini.c - tokenised books as a dataset and in batches, and folders that are none. */
#include "base/file.h"
#include "base/pool.h"
#include "data/book.h"
#include "data/book_list.h"
#include "data/languini.h"
#include "data/npy.h"
#include "host/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader_rig.h"
#include "scratch.h"

#define FIXTURE KP_SOURCE_ROOT "/tests/unit/languini"
#define TINY    "vocabulary=40 rows=3 window=16 test_rows=3"

enum { ROWS = 3, WINDOW = 16, TRAIN_WINDOWS = 10, TEST_WINDOWS = 5 };

static char folder[SCRATCH_SIZE];

static int setup(void **state)
{
    (void)state;
    return scratch_make(folder) == 0 ? chdir(folder) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? scratch_remove(folder) : -1;
}

/* An opened dataset with what its options live in. */
struct opened {
    struct kp_arena memory;
    struct kp_dataset *data;
};

/* `options` are "name=value name=value"; the others have their defaults. */
static enum kp_status try_open(const char *root, const char *options, struct opened *out,
                               struct kp_error *e)
{
    const struct kp_dataset_def *def = kp_languini_plugin.datasets[0];
    struct kp_dataset_config config = {.def = def, .root = root};

    *out = (struct opened){0};
    config.self = kp_arena_alloc(&out->memory, 1, def->self_size);
    assert_non_null(config.self);
    for (uint32_t i = 0; i < def->options.count; i++) {
        const struct kp_option *o = kp_option_at(&def->options, i);
        const char *text = o->fallback, *canonical;
        char given[128], name[32];

        (void)snprintf(name, sizeof name, " %s=", o->name);
        (void)snprintf(given, sizeof given, " %s", options);
        char *found = strstr(given, name);
        if (found) {
            text = found + strlen(name);
            found[strlen(name) + strcspn(text, " ")] = '\0';
        }
        if (kp_option_check(o, text, &out->memory, &canonical, e))
            fail_msg("%s: %s", o->name, e->text);
        assert_true(kp_option_store(o, canonical, &out->memory, config.self));
    }
    enum kp_status st = kp_dataset_open(&config, &out->data, e);
    if (st)
        kp_arena_finish(&out->memory);
    return st;
}

static struct opened open_tiny(const char *more)
{
    struct kp_error e = {0};
    struct opened o;
    char options[128];

    (void)snprintf(options, sizeof options, "%s " TINY, more);
    if (try_open(FIXTURE, options, &o, &e))
        fail_msg("%s", e.text);
    return o;
}

static void close_tiny(struct opened *o)
{
    kp_dataset_close(o->data);
    kp_arena_finish(&o->memory);
}

/* The batches of a fixture. */
struct fixture {
    struct kp_mapping file;
    struct kp_npy array;
};

static void fixture_open(struct fixture *f, const char *name)
{
    struct kp_error e = {0};
    char path[512];

    (void)snprintf(path, sizeof path, FIXTURE "/batches_%s.npy", name);
    assert_int_equal(kp_file_map(path, &f->file, &e), KP_OK);
    assert_int_equal(kp_npy_parse(f->file.bytes, f->file.size, path, &f->array, &e), KP_OK);
}

/* Token t of an example, from 1 on also the label of the one before. */
static int32_t fixture_token(const struct fixture *f, int64_t example, int64_t t)
{
    return (int32_t)kp_npy_integer(&f->array, f->file.bytes + f->array.header,
                                   example * (WINDOW + 1) + t);
}

static void compare(const struct fixture *f, int64_t example, const int32_t *x,
                    const int32_t *labels)
{
    for (int64_t t = 0; t < WINDOW; t++) {
        int32_t token = fixture_token(f, example, t);
        assert_int_equal(x[t], token < 0 ? 0 : token);
        assert_int_equal(labels[t], fixture_token(f, example, t + 1));
    }
}

static void what_the_dataset_says(void **state)
{
    struct opened o = open_tiny("");
    const struct kp_dataset *d = o.data;
    (void)state;

    assert_string_equal(d->name, "languini");
    assert_int_equal(d->dtype, KP_I32);
    assert_int_equal(d->classes, 40);
    assert_true(kp_shape_equal(d->shape, kp_shape1(WINDOW)));
    assert_true(kp_shape_equal(d->labels, kp_shape1(WINDOW)));
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, TRAIN_WINDOWS * ROWS);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, TEST_WINDOWS * ROWS);
    assert_int_equal(strlen(d->made.identity), 64);
    close_tiny(&o);
}

static void batches_in_the_order_of_the_study(void **state)
{
    static const char *const names[] = {"train", "test"};
    struct opened o = open_tiny("");
    (void)state;

    for (int split = 0; split < KP_SPLITS; split++) {
        const int64_t count = o.data->split[split].count;
        const struct kp_loader_config config = {.data = o.data,
                                                .split = (enum kp_split)split,
                                                .count = count,
                                                .batch = ROWS,
                                                .order = KP_ORDER_FIXED};
        struct kp_loader *l = NULL;
        struct kp_error e = {0};
        struct fixture f;

        fixture_open(&f, names[split]);
        assert_int_equal(kp_loader_create(&config, &l, &e), KP_OK);
        assert_int_equal(kp_loader_start(l, 0, 0, &e), KP_OK);
        for (int64_t i = 0; i < 2 * count; i += ROWS) {
            const struct kp_batch *b = next_batch(l);
            assert_int_equal(b->rows, ROWS);
            for (int64_t r = 0; r < ROWS; r++) {
                compare(&f, (i + r) % count, (const int32_t *)(const void *)b->pixels + r * WINDOW,
                        b->labels + r * WINDOW);
                for (int64_t t = 0; t < WINDOW; t++)
                    assert_true(b->weights[r * WINDOW + t] == (b->labels[r * WINDOW + t] >= 0));
            }
        }
        kp_loader_destroy(l);
        kp_file_unmap(&f.file);
    }
    close_tiny(&o);
}

struct reading {
    const struct opened *o;
    const struct fixture *f;
};

static void read_one(void *arg, int64_t i, int worker)
{
    const struct reading *r = arg;
    const struct kp_made *m = &r->o->data->made;
    const int64_t number[] = {i * 7 % (TRAIN_WINDOWS * ROWS), i * 11 % (TRAIN_WINDOWS * ROWS)};
    struct kp_data d = {sizeof d, m->root, NULL};
    int32_t x[2 * WINDOW], labels[2 * WINDOW], alone[WINDOW];

    (void)worker;
    KP_ASSERT(m->def->read(m->self, &d, KP_DATASET_TRAIN, number, 2, x, labels) == KP_OK);
    for (int k = 0; k < 2; k++)
        for (int64_t t = 0; t < WINDOW; t++)
            KP_ASSERT(x[k * WINDOW + t] == fixture_token(r->f, number[k], t) &&
                      labels[k * WINDOW + t] == fixture_token(r->f, number[k], t + 1));
    KP_ASSERT(m->def->read(m->self, &d, KP_DATASET_TRAIN, number, 1, alone, NULL) == KP_OK);
    KP_ASSERT(memcmp(alone, x, sizeof alone) == 0);
    KP_ASSERT(m->def->read(m->self, &d, KP_DATASET_TRAIN, number, 1, NULL, alone) == KP_OK);
    KP_ASSERT(memcmp(alone, labels, sizeof alone) == 0);
}

static void several_threads_read_any_example(void **state)
{
    struct opened o = open_tiny("");
    struct kp_pool *pool = NULL;
    struct kp_error e = {0};
    struct fixture f;
    (void)state;

    fixture_open(&f, "train");
    struct reading r = {&o, &f};
    assert_int_equal(kp_pool_create(4, &pool, &e), KP_OK);
    kp_pool_run(pool, 600, read_one, &r);
    kp_pool_destroy(pool);
    kp_file_unmap(&f.file);
    close_tiny(&o);
}

static int32_t first_token(const struct opened *o, enum kp_dataset_split split, int64_t number,
                           int32_t labels[WINDOW])
{
    const struct kp_made *m = &o->data->made;
    struct kp_data d = {sizeof d, m->root, NULL};
    int32_t x[WINDOW];

    assert_int_equal(m->def->read(m->self, &d, split, &number, 1, x, labels), KP_OK);
    return x[0];
}

static void only_the_last_tokens_count(void **state)
{
    struct opened o = open_tiny("test_stride=4 test_last=4");
    int32_t labels[WINDOW];
    (void)state;

    assert_int_equal(o.data->split[KP_SPLIT_TEST].count, 17 * ROWS);
    (void)first_token(&o, KP_DATASET_TEST, 0, labels);
    for (int t = 0; t < WINDOW; t++)
        assert_int_equal(labels[t] == -1, t < WINDOW - 4);
    (void)first_token(&o, KP_DATASET_TRAIN, 0, labels);
    assert_int_not_equal(labels[0], -1);
    close_tiny(&o);
}

/* A folder of its own with one book of each split. */
static void make_books(const char *root, const char *tokens, int64_t count)
{
    const int32_t ids[] = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    struct kp_book_list list = {0};
    struct kp_error e = {0};
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s/files", root, tokens);
    assert_int_equal(kp_folder_make(path, &e), KP_OK);
    (void)snprintf(path, sizeof path, "%s/%s/files/a.npy", root, tokens);
    assert_int_equal(kp_book_write(path, ids, 10, &e), KP_OK);
    assert_int_equal(kp_book_list_add(&list, "files/a.npy", count, &e), KP_OK);
    for (int split = 0; split < 2; split++) {
        (void)snprintf(path, sizeof path, "%s/file_list_%s.npy", root,
                       split ? "test_iid" : "train");
        assert_int_equal(kp_book_list_write(path, &list, &e), KP_OK);
    }
    kp_book_list_finish(&list);
}

#define SMALL "rows=1 test_rows=1 window=4"

static void refused(const char *root, const char *options, const char *says)
{
    struct kp_error e = {0};
    struct opened o;

    assert_int_not_equal(try_open(root, options, &o, &e), KP_OK);
    if (!strstr(e.text, says))
        fail_msg("'%s' does not say '%s'", e.text, says);
}

static void the_vocabulary_of_the_tokeniser(void **state)
{
    struct kp_error e = {0};
    struct opened o;
    char identity[128];
    (void)state;

    make_books("v", "tok", 10);
    assert_int_equal(try_open("v", SMALL " vocabulary=99", &o, &e), KP_OK);
    assert_int_equal(o.data->classes, 99);
    assert_null(o.data->made.length);
    memcpy(identity, o.data->made.identity, sizeof identity);
    close_tiny(&o);

    /* Another list is other data. */
    make_books("v", "tok", 11);
    assert_int_equal(
        scratch_put("v/tok.vocab", "<pad>\n<unk>\n<D>\nd\nee\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\n"), 0);
    assert_int_equal(try_open("v", SMALL, &o, &e), KP_OK);
    assert_int_equal(o.data->classes, 15);
    assert_true(o.data->made.length[0] == 0 && o.data->made.length[4] == 2);
    assert_string_not_equal(o.data->made.identity, identity);
    close_tiny(&o);
    assert_int_equal(try_open("v", SMALL " vocabulary=15", &o, &e), KP_OK);
    close_tiny(&o);
    refused("v", SMALL " vocabulary=16",
            "vocabulary = 16, but v/tok.vocab has a line for each of 15 tokens; 15, or 0, would be "
            "right");
    assert_int_equal(scratch_put("v/tok.vocab", "<unk>\n<s>\n</s>\n"), 0);
    refused("v", SMALL, "v/tok.vocab: of a tokeniser of another kind: line 1 is '<unk>'");
}

/* data.test_limit keeps the first windows of all rows. */
static void the_first_test_examples_alone(void **state)
{
    const struct kp_dataset_def *def = kp_languini_plugin.datasets[0];
    struct opened o = open_tiny("");
    const struct kp_dataset_config config = {
        .def = def, .root = FIXTURE, .self = o.data->made.self, .test_limit = 2 * ROWS};
    int32_t label[WINDOW], same[WINDOW];
    struct kp_error e = {0};
    (void)state;

    assert_int_equal(o.data->split[KP_SPLIT_TEST].count, TEST_WINDOWS * ROWS);
    kp_dataset_close(o.data);
    assert_int_equal(kp_dataset_open(&config, &o.data, &e), KP_OK);
    assert_int_equal(o.data->split[KP_SPLIT_TEST].count, 2 * ROWS);
    assert_int_equal(o.data->split[KP_SPLIT_TRAIN].count, TRAIN_WINDOWS * ROWS);
    struct opened all = open_tiny("");
    for (int64_t i = 0; i < 2 * ROWS; i++) {
        assert_int_equal(first_token(&o, KP_DATASET_TEST, i, label),
                         first_token(&all, KP_DATASET_TEST, i, same));
        assert_memory_equal(label, same, sizeof label);
    }
    close_tiny(&all);
    close_tiny(&o);
}

static void folders_that_are_refused(void **state)
{
    (void)state;

    refused("", TINY, "no folder of books is given; set [data] root or KAPPA_DATA");
    refused("nowhere", TINY, "nowhere: cannot read this folder");
    assert_int_equal(mkdir("bare", 0777), 0);
    refused("bare", TINY, "bare: no folder NAME with token files NAME/files/*.npy");
    make_books("two", "one", 10);
    refused("two", SMALL,
            "two/one.vocab: not there; it has a line for each token, or "
            "data.languini.vocabulary says how many");
    assert_int_equal(scratch_put("two/one.vocab", ""), 0);
    refused("two", SMALL, "two/one.vocab: 0 lines, one for each token; 3 to 65536");
    assert_int_equal(unlink("two/one.vocab"), 0);
    refused("two", SMALL " vocabulary=99 test=wood", "two/file_list_test_wood.npy: ");
    refused("two", "vocabulary=99 window=4", "1 books for 128 rows");
    make_books("two", "other", 10);
    refused("two", SMALL " vocabulary=99", "two: tokens of several tokenisers (");
    refused("two", SMALL " vocabulary=99 tokens=third", "two/third/files/a.npy: ");
}

static void a_bad_token_ends_the_loading(void **state)
{
    const struct kp_loader_config config = {.batch = 2, .order = KP_ORDER_FIXED, .count = 3};
    struct kp_loader_config c = config;
    const struct kp_batch *b;
    struct kp_loader *l = NULL;
    struct kp_error e = {0};
    struct opened o;
    (void)state;

    make_books("bad", "tok", 10);
    assert_int_equal(try_open("bad", SMALL " vocabulary=14", &o, &e), KP_OK);
    c.data = o.data;
    assert_int_equal(kp_loader_create(&c, &l, &e), KP_OK);
    assert_int_equal(kp_loader_start(l, 0, 0, &e), KP_OK);
    assert_int_equal(kp_loader_next(l, &b, &e), KP_OK);
    assert_int_equal(kp_loader_next(l, &b, &e), KP_E_FORMAT);
    assert_string_equal(e.text,
                        "dataset 'languini': example 2: bad/tok/files/a.npy: token 9 is 14; "
                        "the vocabulary has 0 to 13");
    kp_loader_destroy(l);
    close_tiny(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_dataset_says),
        cmocka_unit_test(batches_in_the_order_of_the_study),
        cmocka_unit_test(several_threads_read_any_example),
        cmocka_unit_test(only_the_last_tokens_count),
        cmocka_unit_test(the_vocabulary_of_the_tokeniser),
        cmocka_unit_test(the_first_test_examples_alone),
        cmocka_unit_test(folders_that_are_refused),
        cmocka_unit_test(a_bad_token_ends_the_loading),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
