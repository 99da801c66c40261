/* test_verify_kinds.c - definitions of operations and datasets that the host refuses, and manifests
 * of an older minor, which have none. */
#include "host/registry.h"
#include "host/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct state {
    int64_t n;
};

static const struct kp_option options[] = {
    KP_INT(struct state, n, "n", "1", 1, 9, "a number"),
};
static const struct kp_option out_of_range[] = {
    KP_INT(struct state, n, "n", "10", 1, 9, "a number"),
};

static enum kp_status shape(const void *self, struct kp_op_shapes *s)
{
    (void)self;
    s->result = s->in[0];
    return KP_OK;
}

KP_OP_TEXT(nothing, void, { (void)call; })

static const struct kp_operand one[] = {{"x", KP_CANONICAL, false}};
static const struct kp_operand flat[] = {{"x", KP_FLAT, false}};
static const struct kp_operand constant[] = {{"x", KP_CANONICAL, true}};
static const struct kp_operand shared[] = {{"w", KP_SHARED, false}};
static const struct kp_operand unnamed[] = {{"", KP_FLAT, false}};
static const struct kp_operand formless[] = {{"x", (enum kp_form)7, false}};

static const struct kp_op_def good_op = {
    .size = sizeof(struct kp_op_def),
    .name = "op",
    .doc = "An operation.",
    .formula = "x",
    .self_size = sizeof(struct state),
    .options = KP_OPTIONS(options),
    .operands = one,
    .operand_count = 1,
    .operand_size = sizeof(struct kp_operand),
    .result = KP_CANONICAL,
    .shape = shape,
    .forward_float = nothing_float,
    .forward_double = nothing_double,
    .backward_float = nothing_float,
    .backward_double = nothing_double,
};

static enum kp_status open_set(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    (void)self;
    (void)d;
    (void)info;
    return KP_OK;
}

static enum kp_status read_set(const void *self, struct kp_data *d, enum kp_dataset_split split,
                               const int64_t *number, int64_t count, void *example, int32_t *label)
{
    (void)self;
    (void)d;
    (void)split;
    (void)number;
    (void)count;
    (void)example;
    (void)label;
    return KP_OK;
}

static const struct kp_dataset_def good_set = {
    .size = sizeof(struct kp_dataset_def),
    .name = "set",
    .doc = "A dataset.",
    .version = "1",
    .self_size = sizeof(struct state),
    .options = KP_OPTIONS(options),
    .open = open_set,
    .read = read_set,
};

/* The text must hold `words`; NULL: it is right. */
static void verify(const struct kp_op_def *op, const struct kp_dataset_def *set, const char *words)
{
    const struct kp_plugin p = {.abi = KP_ABI,
                                .name = "p",
                                .version = "1",
                                .ops = (const struct kp_op_def *const[]){op, NULL},
                                .datasets = (const struct kp_dataset_def *const[]){set, NULL}};
    struct kp_error e = {0};
    enum kp_status st = kp_verify_plugin(&p, "p.so", &e);

    if (!words) {
        if (st != KP_OK)
            fail_msg("%s", e.text);
        return;
    }
    assert_int_equal(st, KP_E_FORMAT);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
}

#define REFUSED(change, words) (op = good_op, (change), verify(&op, &good_set, (words)))

static void test_operation(void **state)
{
    struct kp_op_def op = good_op;

    (void)state;
    verify(&good_op, &good_set, NULL);
    REFUSED(op.size = 8, "a op definition of 8 bytes");
    REFUSED(op.name = "Op", "a op has a bad name");
    REFUSED(op.doc = NULL, "op 'op': it has no doc");
    REFUSED(op.formula = NULL, "it has no formula");
    REFUSED(op.forward_double = NULL, "forward_float or forward_double is missing");
    REFUSED(op.backward_double = NULL, "backward_double is missing");
    REFUSED(op.needs = 32, "newer kappa");
    REFUSED(op.operands = NULL, "its operands; 1 to 4");
    REFUSED(op.operand_count = 0, "its operands; 1 to 4");
    REFUSED(op.operand_count = 5, "its operands; 1 to 4");
    REFUSED(op.operand_size = 4, "its operands; 1 to 4");
    REFUSED(op.operands = unnamed, "an operand without a good name");
    REFUSED(op.operands = formless, "an operand without a good name");
    REFUSED(op.operands = shared, "all operands are SHARED");
    REFUSED(op.result = KP_SHARED, "its result");
    REFUSED(op.result = KP_FLAT, "its result");
    REFUSED(op.kept_count = 3, "it keeps more than 2");
    REFUSED((op.kept_count = 1, op.kept[0] = KP_FLAT), "what it keeps");
    REFUSED(op.shape = NULL, "shape is missing");
    REFUSED(op.options.v = out_of_range, "option 'n': its default");
    REFUSED(op.self_size = 4, "its field is outside the state struct");

    op = good_op, op.operands = flat, op.result = KP_FLAT, op.shape = NULL;
    verify(&op, &good_set, NULL);
    op = good_op, op.operands = constant, op.backward_float = NULL, op.backward_double = NULL;
    verify(&op, &good_set, NULL);
}

static void test_dataset(void **state)
{
    struct kp_dataset_def set = good_set;

    (void)state;
    set.version = "";
    verify(&good_op, &set, "dataset 'set': it has no version");
    set = good_set, set.open = NULL;
    verify(&good_op, &set, "open or read is missing");
    set = good_set, set.read = NULL;
    verify(&good_op, &set, "open or read is missing");
    set = good_set, set.name = "";
    verify(&good_op, &set, "a dataset has a bad name");
    set = good_set, set.options.v = out_of_range;
    verify(&good_op, &set, "option 'n': its default");
    set = good_set, set.size = 16;
    verify(&good_op, &set, "a dataset definition of 16 bytes");
}

/* What lies behind a short manifest is not looked at. */
static void test_older_minor(void **state)
{
    struct kp_plugin p = {
        .abi = KP_ABI,
        .name = "p",
        .version = "1",
        .ops = (const struct kp_op_def *const *)(const void *)"no pointers here",
        .datasets = (const struct kp_dataset_def *const *)(const void *)"nor here",
    };
    char path[] = "p.so";
    struct kp_loaded loaded = {.plugin = &p, .path = path};
    struct kp_loaded *list[] = {&loaded};
    const struct kp_registry r = {.loaded = list, .count = 1};
    struct kp_error e = {0};

    (void)state;
    p.abi.size = offsetof(struct kp_plugin, ops);
    assert_int_equal(kp_verify_plugin(&p, "p.so", &e), KP_OK);
    assert_null(kp_registry_op(&r, "op", NULL));
    assert_null(kp_registry_dataset(&r, "set", NULL));
}

static void test_find(void **state)
{
    const struct kp_plugin p = {
        .abi = KP_ABI,
        .name = "p",
        .version = "1",
        .ops = (const struct kp_op_def *const[]){&good_op, NULL},
        .datasets = (const struct kp_dataset_def *const[]){&good_set, NULL},
    };
    char path[] = "p.so";
    struct kp_loaded loaded = {.plugin = &p, .path = path};
    struct kp_loaded *list[] = {&loaded};
    const struct kp_registry r = {.loaded = list, .count = 1};
    const struct kp_loaded *from = NULL;

    (void)state;
    assert_ptr_equal(kp_registry_op(&r, "op", &from), &good_op);
    assert_ptr_equal(from, &loaded);
    assert_ptr_equal(kp_registry_dataset(&r, "set", &from), &good_set);
    assert_null(kp_registry_op(&r, "set", NULL));
    assert_null(kp_registry_dataset(&r, "op", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operation),
        cmocka_unit_test(test_dataset),
        cmocka_unit_test(test_older_minor),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
