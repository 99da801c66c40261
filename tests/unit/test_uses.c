/* test_uses.c - options that only some optimizers or schedules use. */
#include "config_rig.h"

static void refuse(const char *text, const char *const *set, const char *wanted)
{
    rig_put("x.ini", text);
    char *got = rig_report(set);

    assert_string_equal(got, wanted);
    free(got);
}

static void test_refused(void **state)
{
    (void)state;
    refuse(RIG_BASE "[train]\nbeta1 = 0.9\n", NULL,
           "x.ini:14: train.beta1: belongs to adam and adamw, and train.optimizer is sgd; leave it "
           "out\n");
    refuse(RIG_BASE "[train]\nmomentum = 0\noptimizer = adam\n", NULL,
           "x.ini:14: train.momentum: belongs to sgd, and train.optimizer is adam; leave it out\n");
    refuse(RIG_BASE "[train]\nschedule = constant\nwarmup_epochs = 1\nwarmup_steps = 5\n", NULL,
           "x.ini:15: train.warmup_epochs: belongs to cosine_epoch, cosine and multistep, and "
           "train.schedule is constant; leave it out\n"
           "x.ini:16: train.warmup_steps: belongs to languini, and train.schedule is constant; "
           "leave it out\n");
    refuse(RIG_BASE "[sweep]\ntrain.beta2 = 0.9, 0.99\n", NULL,
           "x.ini:14: train.beta2: belongs to adam and adamw, and train.optimizer is sgd; leave it "
           "out\n");
}

/* One mistake, one message. */
static void test_wrong_choice(void **state)
{
    (void)state;
    refuse(RIG_BASE "[train]\nschedule = multistp\n", NULL,
           "x.ini:14: train.schedule: 'multistp' is not known, did you mean 'multistep'; one of "
           "constant cosine_epoch cosine multistep languini\n");
}

static void test_together(void **state)
{
    (void)state;
    refuse(RIG_BASE "[train]\nschedule = multistep\n", NULL,
           "x.ini: train.milestones: not given; list of integers with spaces between, each, 1 to "
           "1000000 (multistep: completed epochs after which lr_factor applies)\n");
    refuse(RIG_BASE "[train]\nschedule = multistep\nmilestones = 5 5\n", NULL,
           "x.ini:15: train.milestones: 5 comes after 5; rising numbers of epochs\n");
    refuse(RIG_BASE "[train]\nlr_final = 0.2\n", NULL,
           "x.ini:14: train.lr_final: 0.2 is above train.lr = 0.1; 0 to 0.1\n");
}

/* What suited the choice of an earlier file goes with that choice. */
static void test_replaced(void **state)
{
    static const char *const adam[] = {"train.optimizer=adam", NULL};
    static const char *const both[] = {"train.momentum=0.5", "train.optimizer=adam", NULL};
    static const char *const after[] = {"train.optimizer=adam", "train.momentum=0.5", NULL};
    static const char *const again[] = {"train.momentum=0.5", NULL};
    struct kp_config *c = rig_config_set(RIG_BASE "[train]\nmomentum = 0.9\n", adam);

    (void)state;
    assert_null(kp_config_find(c, "train.momentum"));
    assert_null(kp_config_find(c, "train.nesterov"));
    assert_string_equal(kp_config_find(c, "train.beta1")->text, "0.9");
    assert_true(c->core.train.momentum == 0);
    assert_true(c->core.train.eps == 1e-8);
    kp_config_destroy(c);

    rig_put("base.ini", RIG_BASE "[train]\nmomentum = 0.9\nwarmup_epochs = 2\n");
    c = rig_config("[include]\npath = base.ini\n[train]\noptimizer = adamw\nschedule = languini\n");
    assert_null(kp_config_find(c, "train.momentum"));
    assert_null(kp_config_find(c, "train.warmup_epochs"));
    assert_int_equal(c->core.train.decay_steps, 500000);
    kp_config_destroy(c);

    const char *wanted =
        "--set: train.momentum: belongs to sgd, and train.optimizer is adam; leave it out\n";
    refuse(RIG_BASE, both, wanted);
    refuse(RIG_BASE, after, wanted);
    refuse(RIG_BASE "[train]\noptimizer = adam\n", again, wanted);
}

static void test_sweep(void **state)
{
    static const char *const keys[] = {"train.momentum", "train.beta1"};
    struct kp_experiment *x = rig_open(RIG_BASE "[train]\nmomentum = 0.9\nbeta1 = 0.8\n[sweep]\n"
                                                "train.optimizer = sgd, adam\n");

    (void)state;
    assert_int_equal(kp_experiment_cells(x), 2);
    for (int cell = 0; cell < 2; cell++) {
        struct kp_config *c = rig_resolve(x, cell);
        assert_non_null(kp_config_find(c, keys[cell]));
        assert_null(kp_config_find(c, keys[1 - cell]));
        kp_config_destroy(c);
    }
    kp_experiment_destroy(x);
}

/* What is not used is in no hash and not in the printed configuration, which resolves to the same.
 */
static void test_hash(void **state)
{
    struct kp_config *a, *b;
    const char *const none[KP_REFERENCES] = {0};
    struct kp_hashes x, y;
    struct kp_text text = {0};

    (void)state;
    rig_put("base.ini", RIG_BASE "[train]\nwarmup_epochs = 3\nmomentum = 0.9\n");
    a = rig_config("[include]\npath = base.ini\n"
                   "[train]\nschedule = multistep\nmilestones = 3 6\noptimizer = adam\n");
    kp_config_hash(a, none, &x);
    kp_config_print(a, true, &text);
    assert_null(strstr(text.s, "momentum"));
    assert_null(strstr(text.s, "decay_steps"));
    b = rig_config(text.s);
    kp_config_hash(b, none, &y);
    assert_memory_equal(&x, &y, sizeof(x));
    kp_config_destroy(b);
    kp_text_finish(&text);

    b = rig_config(RIG_BASE "[train]\nwarmup_epochs = 3\nschedule = multistep\nmilestones = 3 6\n"
                            "optimizer = adam\n");
    kp_config_hash(b, none, &y);
    assert_string_equal(x.config, y.config);
    kp_config_destroy(b);

    b = rig_config(RIG_BASE "[train]\nwarmup_epochs = 3\nschedule = multistep\nmilestones = 3 7\n"
                            "optimizer = adam\n");
    kp_config_hash(b, none, &y);
    assert_string_not_equal(x.config, y.config);
    kp_config_destroy(b);
    kp_config_destroy(a);
}

static void test_freeze(void **state)
{
    struct kp_config *c = rig_config(RIG_BASE "[train]\nfreeze = conv0   bn0\n  conv1\n");

    (void)state;
    assert_string_equal(c->core.train.freeze, "conv0 bn0 conv1");
    assert_string_equal(kp_config_find(c, "train.freeze")->text, "conv0 bn0 conv1");
    kp_config_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_wrong_choice),
        cmocka_unit_test(test_together), cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_sweep),    cmocka_unit_test(test_hash),
        cmocka_unit_test(test_freeze),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
