/* test_perplexity_parity.c - a language model read over tokenised books: perplexity of tokens and
 * of characters against PyTorch and the tokeniser's own decoder (make_perplexity_fixture.py). */
#include "data/languini.h"
#include "support/rig.h"
#include "train/evaluate.h"
#include "train/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURES KP_SOURCE_ROOT "/tests/parity/fixtures/"
#define GPT      "width=12;depth=2;heads=2;head_width=4;mlp=20;context=16"
#define BOOKS    "rows=3;window=16;test_rows=3"

static struct rig rig;

static void must(enum kp_status st, const struct kp_error *e)
{
    if (st != KP_OK)
        fail_msg("%s", e->text);
}

/* The books; limit: the first examples alone, 0: all. */
static struct kp_dataset *open_books(const char *options, int64_t limit)
{
    const struct kp_dataset_def *def = kp_languini_plugin.datasets[0];
    struct kp_dataset_config config = {
        .def = def, .root = FIXTURES "perplexity", .test_limit = limit};
    struct kp_dataset *data = NULL;
    struct kp_error e = {0};

    must(rig_fill(&rig, &def->options, options, def->self_size, &config.self, &e), &e);
    must(kp_dataset_open(&config, &data, &e), &e);
    return data;
}

static struct kp_metric_use metric(const char *name)
{
    struct kp_metric_use m = {.def = kp_registry_metric(&rig.registry, name, NULL)};
    struct kp_error e = {0};

    assert_non_null(m.def);
    must(rig_fill(&rig, &m.def->options, NULL, m.def->self_size, &m.self, &e), &e);
    return m;
}

static void compare(const struct kp_observed *got, const char *key, double want, double tolerance)
{
    assert_string_equal(got->key, key);
    if (!(fabs(got->value - want) <= tolerance * fabs(want)))
        fail_msg("%s: %.17g where %.17g is right", key, got->value, want);
}

/* Read the test books with batches of `capacity` examples; what comes out is in the fixture. */
static void check(const char *device, const struct kp_dataset *data, const char *want,
                  int64_t capacity, double tolerance)
{
    const struct kp_device_config config = {.threads = 2, .slice = 16};
    const struct kp_shape tokens = kp_shape1(16);
    const struct kp_model_io io = {sizeof(io), KP_I32, tokens, data->classes, tokens};
    const struct kp_metric_use metrics[] = {metric("perplexity"), metric("accuracy")};
    struct kp_program_spec spec = {.mode = KP_EVAL, .capacity = capacity};
    struct kp_safetensors file = {0};
    struct kp_observers observers;
    struct kp_observed got[4];
    struct kp_device *d = NULL;
    struct kp_net *net = NULL;
    struct kp_program *program = NULL;
    struct kp_state *state = NULL;
    struct kp_exec *exec = NULL;
    struct kp_error e = {0};

    must(kp_device_open(device, &config, &d, &e), &e);
    must(rig_net_io(&rig, "gpt", GPT, &io, &net, &e), &e);
    spec.net = net;
    must(kp_program_create(d, &spec, &program, &e), &e);
    must(kp_state_create(d, net, false, &state, &e), &e);
    must(kp_safetensors_open(FIXTURES "perplexity.safetensors", &file, &e), &e);
    must(kp_weights_load(state, &file, false, true, &e), &e);
    must(kp_exec_create(program, state, &exec, &e), &e);
    must(kp_observers_create(metrics, 2, false, &observers, &e), &e);
    assert_int_equal(kp_observers_value_count(&observers), 4);

    const struct kp_evaluation v = {.exec = exec,
                                    .data = data,
                                    .split = KP_SPLIT_TEST,
                                    .count = data->split[KP_SPLIT_TEST].count};
    must(kp_evaluate(&v, &observers, &e), &e);
    kp_observers_results(&observers, "test", got);
    const double *out = kp_safetensors_find(&file, want)->data;
    compare(&got[0], "test/perplexity", out[0], tolerance);
    compare(&got[1], "test/normalised_perplexity", out[1], tolerance);
    compare(&got[2], "test/top_k", out[2], 1e-12);
    compare(&got[3], "test/accuracy", out[3], 1e-12);
    /* Tokens and characters come out of the two perplexities: ln P / ln Q = characters / tokens. */
    assert_true(fabs(log(got[0].value) / log(got[1].value) - out[5] / out[4]) < 1e-6);

    kp_observers_finish(&observers);
    kp_exec_destroy(exec);
    kp_state_destroy(state);
    kp_program_destroy(program);
    kp_net_destroy(net);
    kp_safetensors_close(&file);
    kp_device_close(d);
}

static void check_protocol(const char *options, int64_t limit, const char *want)
{
    struct kp_dataset *data = open_books(options, limit);

    check("ref", data, want, 3, 1e-6);
    check("cpu", data, want, 3, 1e-5);
    check("cpu", data, want, 7, 1e-5); /* batches that end elsewhere change nothing */
    kp_dataset_close(data);
}

static void windows_side_by_side(void **state)
{
    (void)state;
    check_protocol(BOOKS, 0, "out.windows");
}

static void the_last_tokens_of_overlapping_windows(void **state)
{
    (void)state;
    check_protocol(BOOKS ";test_stride=4;test_last=4", 0, "out.last");
}

/* data.test_limit: the first two windows of three rows. */
static void the_first_batches(void **state)
{
    (void)state;
    check_protocol(BOOKS, 6, "out.first");
}

static int open_rig(void **state)
{
    struct kp_error e = {0};

    (void)state;
    must(rig_open(&rig, KP_BUILD_ROOT, &e), &e);
    must(rig_scan(&rig, KP_BUILD_ROOT, "metrics", &e), &e);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_side_by_side),
        cmocka_unit_test(the_last_tokens_of_overlapping_windows),
        cmocka_unit_test(the_first_batches),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
