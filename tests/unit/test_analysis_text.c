/* test_analysis_text.c - what the host gives an analysis of text: tokens in place of examples, by
 * an analysis plugin that lives in this test, on the books of languini/ and the batches beside
 * them. */
#include "study_fixture.h"

#include "base/file.h"
#include "data/languini.h"
#include "data/npy.h"
#include "train/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WINDOW = 16, TOKENS = 40, WIDTH = 8, ROWS_MAX = 4096 };

static struct study_fixture fixture;

/* Windows of languini/batches_NAME.npy: a token and WINDOW labels each, example by example. */
static struct batches {
    uint8_t *bytes;
    const int32_t *window;
    int64_t count;
} train, test;

/* What the plugin saw of its first net; of two calls what the net trained on. */
static struct {
    int64_t calls, rows;
    int64_t train_rows[2], trained_on[2];
    double kappa[2];
    int32_t labels[ROWS_MAX], own[2][ROWS_MAX];
    float features[ROWS_MAX * WIDTH], logits[ROWS_MAX * TOKENS];
} seen;

static struct batches load(const char *name)
{
    struct batches b = {0};
    struct kp_error e = {0};
    struct kp_npy npy;
    size_t size = 0;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/tests/unit/languini/batches_%s.npy", KP_SOURCE_ROOT,
                   name);
    assert_int_equal(kp_file_read(path, 1 << 24, &b.bytes, &size, &e), KP_OK);
    assert_int_equal(kp_npy_parse(b.bytes, size, path, &npy, &e), KP_OK);
    assert_int_equal(npy.item, 4);
    assert_int_equal(npy.shape[2], WINDOW + 1);
    b.window = (const int32_t *)(const void *)(b.bytes + npy.header);
    b.count = npy.shape[0] * npy.shape[1];
    return b;
}

/* A batch of another size may round otherwise. */
static void assert_close(const float *got, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        assert_true(fabsf(got[i] - want[i]) < 1e-5F);
}

/* Any piece of the rows is that piece of all of them, with labels alone and with each output. */
static void check_pieces(struct kp_analysis *a)
{
    static const int64_t pieces[][2] = {{0, 1}, {5, 3}, {5, 30}, {15, 2}, {16, 16}, {47, 90}};
    static float features[ROWS_MAX * WIDTH], logits[ROWS_MAX * TOKENS];
    static int32_t labels[ROWS_MAX];

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        const int64_t first = pieces[i][0], n = pieces[i][1];
        struct kp_read r = {.size = sizeof(r), .first = first, .count = n, .labels = labels};

        memset(labels, 0xff, sizeof(labels));
        assert_int_equal(kp_read_rows(a, 0, &r), KP_OK);
        assert_memory_equal(labels, seen.labels + first, (size_t)n * sizeof(*labels));
        assert_int_equal(labels[n], -1); /* nothing behind the piece is touched */
        r.features = features;
        assert_int_equal(kp_read_rows(a, 0, &r), KP_OK);
        assert_close(features, seen.features + first * WIDTH, n * WIDTH);
        r.logits = logits;
        assert_int_equal(kp_read_rows(a, 0, &r), KP_OK);
        assert_close(logits, seen.logits + first * TOKENS, n * TOKENS);
    }
}

static enum kp_status look(const void *self, struct kp_analysis *a)
{
    const struct kp_net_facts *facts = kp_facts(a, 0);
    struct kp_read all = {.size = sizeof(all),
                          .labels = seen.labels,
                          .features = seen.features,
                          .logits = seen.logits};
    struct kp_read own = {.size = sizeof(own), .from = KP_ROWS_OWN_TRAIN};
    const int64_t call = seen.calls++;

    (void)self;
    if (!facts)
        return kp_analysis_status(a);
    assert_true(call < 2);
    assert_int_equal(facts->width, WIDTH);
    assert_int_equal(kp_class_count(a), TOKENS);
    seen.kappa[call] = facts->kappa;
    seen.trained_on[call] = facts->trained_on;
    own.labels = seen.own[call];
    seen.rows = all.count = kp_row_count(a, KP_ROWS_TEST);
    seen.train_rows[call] = own.count = kp_row_count(a, KP_ROWS_OWN_TRAIN);
    assert_true(all.count <= ROWS_MAX && own.count <= ROWS_MAX);
    if (kp_read_rows(a, 0, &all) == KP_OK && kp_read_rows(a, 0, &own) == KP_OK) {
        check_pieces(a);
        kp_emit(a, 0, "looked", (double)seen.rows);
    }
    return kp_analysis_status(a);
}

static const struct kp_metric_value values[] = {{"looked", "", true, "a test"}};
static const struct kp_analyser analyser = {
    .size = sizeof(struct kp_analyser),
    .needs = KP_ANALYSIS_READS_ROWS,
    .values = values,
    .value_count = 1,
    .value_size = sizeof(values[0]),
    .analyse = look,
};
static const struct kp_metric_def def = {
    .size = sizeof(struct kp_metric_def), .name = "look", .doc = "A test.", .analyser = &analyser};
static const struct kp_metric_def *const defs[] = {&def, NULL};
static const struct kp_plugin plugin = {
    .abi = KP_ABI, .name = "in_test", .version = "1", .metrics = defs};

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(study_path(&fixture, name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int open_fixture(void **state)
{
    static const char common[] =
        "[data]\nset = languini\nroot = " KP_SOURCE_ROOT "/tests/unit/languini\ndraw = first\n"
        "n_teacher = 30\nstudent_pool = subset\nkappa = 0.8\n[data.languini]\nrows = 3\n"
        "window = 16\ntest_rows = 3\nvocabulary = 40\n[model]\nplugin = gpt\n[model.gpt]\n"
        "width = 8\ndepth = 1\nheads = 2\nhead_width = 4\nmlp = 16\ncontext = 16\n[train]\n"
        "epochs = 1\nbatch = 3\neval_batch = 4\noptimizer = adam\nlr = 0.01\nschedule = constant\n"
        "[run]\nthreads = 1\n";
    struct kp_error e = {0};

    (void)state;
    study_fixture_open(&fixture);
    write_text("common.ini", common);
    write_text("students.ini", "[include]\npath = common.ini\n[objective]\nplugin = lt\n[train]\n"
                               "keep = kappas\neval_kappas = 0.2\n");
    train = load("train");
    test = load("test");
    assert_int_equal(kp_registry_add(&fixture.registry, &kp_languini_plugin, &e), KP_OK);
    assert_int_equal(kp_registry_add(&fixture.registry, &plugin, &e), KP_OK);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    free(train.bytes);
    free(test.bytes);
    study_fixture_close(&fixture);
    return 0;
}

static void run(const char *const *overrides, struct kp_study_result *r)
{
    struct study_watch w = {.stop_at = -1};

    assert_int_equal(study_run(&fixture, "a.db", overrides, &w, r), KP_OK);
    assert_string_equal(w.text, "");
}

/* Every window of the test books that has a label for each token, once, and no other. */
static void test_windows(void **state)
{
    const char *look_at[] = {"analysis.look.of=cells", NULL};
    struct kp_study_result r;
    bool used[1024] = {false};
    int64_t whole = 0;

    (void)state;
    run(look_at, &r);
    assert_int_equal(r.done, 2);
    for (int64_t i = 0; i < test.count; i++) {
        const int32_t *labels = test.window + i * (WINDOW + 1) + 1;
        whole += labels[WINDOW - 1] >= 0;
    }
    assert_true(whole > 5 && whole < test.count && test.count <= 1024);
    assert_int_equal(seen.rows, whole * WINDOW);
    for (int64_t w = 0; w < whole; w++) {
        int64_t at = 0;

        while (at < test.count &&
               (used[at] || memcmp(seen.labels + w * WINDOW, test.window + at * (WINDOW + 1) + 1,
                                   WINDOW * sizeof(int32_t)) != 0))
            at++;
        assert_true(at < test.count);
        used[at] = true;
    }
}

/* The head is linear: each row's logits are the head's of that row's features. */
static void test_logits_of_the_features(void **state)
{
    struct kp_safetensors file = {0};
    struct kp_error e = {0};
    char path[512];

    (void)state;
    study_weights_path(&fixture, "a.db", "lt", "student", path, sizeof(path));
    assert_int_equal(kp_safetensors_open(path, &file, &e), KP_OK);
    const struct kp_stored *head = kp_safetensors_find(&file, "linear.weight");
    assert_non_null(head);
    const float *w = head->data;
    for (int64_t i = 0; i < seen.rows; i++)
        for (int64_t k = 0; k < TOKENS; k++) {
            double z = 0;
            for (int64_t d = 0; d < WIDTH; d++)
                z += (double)w[k * WIDTH + d] * (double)seen.features[i * WIDTH + d];
            assert_true(fabs(z - (double)seen.logits[i * TOKENS + k]) < 1e-5);
        }
    kp_safetensors_close(&file);
}

/* What a run trained on, in the order of the text; at a kappa of its curve the beginning of it. */
static void test_own_examples(void **state)
{
    const char *curve[] = {"analysis.look.curve.at=kappas", NULL};
    struct kp_study_result r;

    (void)state;
    seen.calls = 0;
    run(curve, &r);
    assert_int_equal(r.done, 2);
    assert_int_equal(seen.calls, 2);
    for (int i = 0; i < 2; i++) {
        const int64_t windows = i == 0 ? 6 : 24;
        assert_true(seen.kappa[i] == (i == 0 ? 0.2 : 0.8));
        assert_int_equal(seen.trained_on[i], windows);
        assert_int_equal(seen.train_rows[i], windows * WINDOW);
        for (int64_t w = 0; w < windows; w++)
            assert_memory_equal(seen.own[i] + w * WINDOW, train.window + w * (WINDOW + 1) + 1,
                                WINDOW * sizeof(int32_t));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_logits_of_the_features),
        cmocka_unit_test(test_own_examples),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
