/* test_plugin_path.c - [plugins] path: plugins that an experiment brings along. */
#include "config_rig.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void link_plugin(const char *folder, const char *name)
{
    char from[512], to[64];

    assert_int_equal(mkdir(folder, 0777), 0);
    (void)snprintf(from, sizeof(from), KP_BUILD_ROOT "/tests/plugins/%s", name);
    (void)snprintf(to, sizeof(to), "%s/%s", folder, name);
    assert_int_equal(symlink(from, to), 0);
}

static void forget_opened(void)
{
    while (fixture_registry.count > 1) {
        struct kp_loaded *last = fixture_registry.loaded[--fixture_registry.count];
        free(last->path);
        free(last);
    }
}

static void refuse_path(const char *path, const char *const parts[3])
{
    const char *const set[] = {path, NULL};
    char *report;

    rig_put("x.ini", RIG_BASE);
    report = rig_report(set);
    for (int i = 0; i < 3 && parts[i]; i++)
        if (!strstr(report, parts[i]))
            fail_msg("%s: no '%s' in: %s", path, parts[i], report);
    free(report);
    forget_opened();
}

/* Opened from folders that are seen from the file that names them. */
static void test_plugin_path(void **state)
{
    static const char *const set[] = {"model.plugin=good_model", NULL};
    char expected[PATH_MAX];
    struct kp_config *c;

    (void)state;
    link_plugin("mine", "good.so");
    link_plugin("theirs", "same_model.so");
    rig_put("mine/path.ini", "[plugins]\npath = :.:\n");
    c = rig_config_set("[include]\npath = mine/path.ini\n" RIG_BASE, set);
    assert_string_equal(c->model->name, "good_model");
    assert_string_equal(c->model_from->plugin->name, "good");
    assert_non_null(realpath("mine", expected));
    (void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "/.");
    rig_expect(c, "plugins.path", expected, "mine/path.ini:2");
    assert_false(kp_config_find(c, "plugins.path")->hashed);
    kp_config_destroy(c);
    forget_opened();

    refuse_path("plugins.path=mine:theirs", (const char *const[]){"--set: plugins.path: ",
                                                                  "/theirs/same_model.so: model "
                                                                  "'good_model' is already in ",
                                                                  "/mine/good.so"});
    refuse_path("plugins.path=gone",
                (const char *const[]){"--set: plugins.path: ", "/gone: No such", NULL});
    refuse_path("plugins.path=${env:KAPPA_TEST_NONE}",
                (const char *const[]){"--set: plugins.path: the environment variable "
                                      "KAPPA_TEST_NONE is not set",
                                      NULL, NULL});
    refuse_path("sweep plugins.path=mine,theirs",
                (const char *const[]){"plugins.path: is read before there are cells", NULL, NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugin_path),
    };
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
