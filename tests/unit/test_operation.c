/* test_operation.c - operations of plugins in every form of operand: a device beside the reference,
 * gradients beside finite differences. The device is cuda where KAPPA_CUDA_BACKEND is set. */
#include "device/ref/ref.h"
#include "operation_rig.h"

RECORD(squared, apply(t, m->square, x))
RECORD(in_rows, apply(t, m->rms, x))
RECORD(ends, apply(t, m->first, x))
RECORD(all_of_them, apply(t, m->rms, apply(t, m->square, kp_relu(t, apply(t, m->square, x)))))

static struct kp_tensor *blend(const struct model *m, struct kp_tape *t, struct kp_tensor *x,
                               struct kp_tensor *c)
{
    struct kp_tensor *in[] = {x, c, m->w};

    return kp_apply(t, m->blend, in, 3);
}

RECORD(blended, blend(m, t, x, kp_scale(t, x, 0)))
RECORD(cut_off, blend(m, t, x, kp_relu(t, x)))

/* Examples that the arena holds: whole slices of 16. */
#define PADDED 64

#define ALL (FILTERS * SIDE * SIDE)

/* Of the last the constant operand follows the parameters, but no gradient does. */
static const struct form forms[] = {
    {"flat", squared, ALL}, {"shared", blended, ALL},      {"rows", in_rows, ALL},
    {"canonical", ends, 2}, {"several", all_of_them, ALL}, {"constant", cut_off, ALL},
};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static const char *tested(void)
{
    return getenv("KAPPA_CUDA_BACKEND") ? "cuda" : "cpu";
}

static void run(struct world *w)
{
    float x[ROWS * CHANNELS * SIDE * SIDE], ones[ROWS];
    int32_t labels[ROWS];
    struct kp_error e = {0};

    for (int i = 0; i < ROWS * CHANNELS * SIDE * SIDE; i++)
        x[i] = (float)sin(0.37 * i) + 0.1F;
    for (int i = 0; i < ROWS; i++) {
        labels[i] = i % CLASSES;
        ones[i] = 1;
    }
    kp_exec_write(w->exec, w->program->x, x, ROWS);
    kp_exec_write(w->exec, w->program->labels, labels, ROWS);
    kp_exec_write(w->exec, w->program->weights, ones, ROWS);
    must(kp_exec_run(w->exec, ROWS, &e), &e);
}

/* Logits, then gradients; to be freed. */
static float *results(struct world *w, int64_t *count)
{
    const int64_t params = kp_net_param_count(w->net);
    float *v = calloc((size_t)(ROWS * CLASSES + params), sizeof(*v));

    assert_non_null(v);
    run(w);
    kp_exec_read(w->exec, w->program->logits, v, ROWS);
    w->device->ops->download(w->device, v + ROWS * CLASSES, w->state->grads, w->net->params.bytes);
    *count = ROWS * CLASSES + params;
    return v;
}

/* So does it with more threads, and when it has run before. */
static void device_agrees_with_the_reference(void **state)
{
    (void)state;
    for (int f = 0; f < FORMS; f++) {
        struct world ref = {0}, one = {0}, three = {0};
        struct kp_error e = {0};
        int64_t count;
        double largest = 0;

        must(start(&ref, &forms[f], "ref", 1, &e), &e);
        must(start(&one, &forms[f], tested(), 1, &e), &e);
        must(start(&three, &forms[f], tested(), 3, &e), &e);
        run(&three);
        run(&three);
        float *want = results(&ref, &count), *got = results(&one, &count);
        float *again = results(&three, &count);
        assert_memory_equal(got, again, (size_t)count * sizeof(float));
        for (int64_t i = 0; i < count; i++)
            largest = fmax(largest, fabs((double)want[i]));
        assert_true(largest > 0.01);
        for (int64_t i = 0; i < count; i++)
            if (!(fabs((double)got[i] - (double)want[i]) <= 2e-6 * largest))
                fail_msg("%s: number %d is %g, %g is right", forms[f].name, (int)i, (double)got[i],
                         (double)want[i]);
        free(want);
        free(got);
        free(again);
        finish(&ref);
        finish(&one);
        finish(&three);
    }
}

/* In double, central differences of the loss. */
static void gradients_are_those_of_the_loss(void **state)
{
    const double step = 1e-5;

    (void)state;
    for (int f = 0; f < FORMS - 1; f++) {
        struct world w = {0};
        struct kp_error e = {0};

        must(start(&w, &forms[f], "ref", 1, &e), &e);
        const int64_t params = kp_net_param_count(w.net);
        double *theta = w.state->params, *grads = calloc((size_t)params, sizeof(*grads));
        assert_non_null(grads);
        run(&w);
        memcpy(grads, w.state->grads, (size_t)params * sizeof(*grads));
        for (int64_t i = 0; i < params; i += i < 120 ? 1 : 17) {
            const double here = theta[i];
            theta[i] = here + step;
            run(&w);
            const double up = *kp_ref_values(&w.exec->memory, w.program->loss);
            theta[i] = here - step;
            run(&w);
            const double down = *kp_ref_values(&w.exec->memory, w.program->loss);
            theta[i] = here;
            if (!(fabs((up - down) / (2 * step) - grads[i]) <= 1e-8))
                fail_msg("%s: parameter %d: gradient %.12g, differences give %.12g", forms[f].name,
                         (int)i, grads[i], (up - down) / (2 * step));
        }
        free(grads);
        finish(&w);
    }
}

/* Examples that fill up a group of 16 are zero in its result, whatever was there before. */
static void the_rest_of_a_group_is_zero(void **state)
{
    (void)state;
    for (int f = 0; f < FORMS; f++) {
        struct world w = {0};
        struct kp_error e = {0};

        must(start(&w, &forms[f], "cpu", 2, &e), &e);
        const struct kp_value *y = w.program->taps[0].value;
        const int64_t group = (int64_t)(y->bytes / sizeof(float)) / (PADDED / 16);
        const float *last =
            (float *)w.exec->memory.arena + y->offset / sizeof(float) + ROWS / 16 * group;
        memset(w.exec->memory.arena, 0xff, w.program->graph.arena_bytes);
        kp_exec_write(w.exec, w.program->seed, (const float[]){1}, 1);
        atomic_store(&strange, 0);
        run(&w);
        assert_int_equal(atomic_load(&strange), 0); /* nor the gaps between planes */
        for (int64_t i = 0; i < group; i++) {
            const int64_t example = y->layout == KP_LANE ? i % 16 : i / (group / 16);
            if (example >= ROWS % 16 && fabs((double)last[i]) != 0)
                fail_msg("%s: example %d of the last group has %g", forms[f].name, (int)example,
                         (double)last[i]);
        }
        finish(&w);
    }
}

/* Nor are they shown to a plugin; whose name is noted while it is at work. */
static void only_examples_that_count_are_seen(void **state)
{
    struct world w = {0};
    struct kp_error e = {0};
    int64_t count;

    (void)state;
    must(start(&w, &forms[3], tested(), 2, &e), &e);
    atomic_store(&seen, 0);
    atomic_store(&blamed, NULL);
    free(results(&w, &count)); /* which the device has ended by then */
    assert_int_equal(atomic_load(&seen), ROWS);
    assert_ptr_equal(atomic_load(&blamed), first_def.name);
    finish(&w);
}

/* Slices may be at work at the same time. */
static void each_slice_has_a_scratch_of_its_own(void **state)
{
    const int slices = (ROWS + 15) / 16;
    struct world w = {0};
    struct kp_error e = {0};

    (void)state;
    must(start(&w, &forms[2], "cpu", 2, &e), &e);
    atomic_store(&scratch_count, 0);
    run(&w);
    assert_int_equal(atomic_load(&scratch_count), slices);
    for (int i = 0; i < slices; i++)
        for (int k = 0; k < i; k++)
            assert_ptr_not_equal(atomic_load(&scratches[i]), atomic_load(&scratches[k]));
    finish(&w);
}

static void its_flops_are_counted(void **state)
{
    struct world with = {0}, without = {0};
    struct kp_error e = {0};

    (void)state;
    must(start(&with, &forms[3], "cpu", 1, &e), &e);
    must(start(&without, &forms[0], "cpu", 1, &e), &e);
    const double heads = 2.0 * CLASSES * (FILTERS * SIDE * SIDE - 2);
    assert_true(fabs(with.program->flops.forward -
                     (without.program->flops.forward - heads + 10.0 * FILTERS)) < 0.5);
    assert_true(fabs(with.program->flops.training - 3 * with.program->flops.forward) < 0.5);
    finish(&with);
    finish(&without);
}

int main(void)
{
    const struct CMUnitTest cuda_tests[] = {
        cmocka_unit_test(device_agrees_with_the_reference),
        cmocka_unit_test(only_examples_that_count_are_seen),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_agrees_with_the_reference),
        cmocka_unit_test(gradients_are_those_of_the_loss),
        cmocka_unit_test(the_rest_of_a_group_is_zero),
        cmocka_unit_test(only_examples_that_count_are_seen),
        cmocka_unit_test(each_slice_has_a_scratch_of_its_own),
        cmocka_unit_test(its_flops_are_counted),
    };
    return strcmp(tested(), "cuda") == 0 ? cmocka_run_group_tests(cuda_tests, NULL, NULL)
                                         : cmocka_run_group_tests(tests, NULL, NULL);
}
