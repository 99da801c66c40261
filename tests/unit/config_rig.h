/* config_rig.h - experiments in a folder of their own, for tests of configurations. */
#ifndef KP_TESTS_CONFIG_RIG_H
#define KP_TESTS_CONFIG_RIG_H

#include "config/experiment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../plugins/fixture.h"
#include "scratch.h"

/* Everything that must be given, as the other lines of an experiment see it. */
#define RIG_BASE                                                                   \
    "[data]\nformat = idx\nroot = /data\nmean = 0.5\nsd = 0.25\nn_teacher = 100\n" \
    "[train]\nepochs = 10\n[model]\nplugin = net\n[objective]\nplugin = lt\n"

static char rig_folder[SCRATCH_SIZE];

static inline int rig_setup(void **state)
{
    (void)state;
    return scratch_make(rig_folder) == 0 ? chdir(rig_folder) : -1;
}

static inline int rig_teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? scratch_remove(rig_folder) : -1;
}

static inline void rig_put(const char *name, const char *text)
{
    assert_int_equal(scratch_put(name, text), 0);
}

/* Open x.ini. `set` holds up to eight overrides and ends with NULL; one that begins with "sweep "
 * is a --sweep. */
static inline enum kp_status rig_try(const char *const *set, struct kp_experiment **x,
                                     struct kp_text *report)
{
    struct kp_override o[8];
    int64_t n = 0;

    for (; set && set[n]; n++) {
        bool sweep = strncmp(set[n], "sweep ", 6) == 0;
        o[n] = (struct kp_override){sweep, set[n] + (sweep ? 6 : 0)};
    }
    return kp_experiment_open("x.ini", o, n, &fixture_registry, x, report);
}

static inline struct kp_experiment *rig_open_set(const char *text, const char *const *set)
{
    struct kp_experiment *x = NULL;
    struct kp_text report = {0};

    rig_put("x.ini", text);
    if (rig_try(set, &x, &report) != KP_OK)
        fail_msg("%s", report.s);
    assert_int_equal(report.length, 0);
    kp_text_finish(&report);
    return x;
}

static inline struct kp_experiment *rig_open(const char *text)
{
    return rig_open_set(text, NULL);
}

static inline struct kp_config *rig_resolve(const struct kp_experiment *x, int64_t cell)
{
    struct kp_config *c = NULL;
    struct kp_text report = {0};

    if (kp_experiment_resolve(x, cell, &fixture_registry, &c, &report) != KP_OK)
        fail_msg("%s", report.s);
    kp_text_finish(&report);
    return c;
}

/* The only cell's configuration. */
static inline struct kp_config *rig_config_set(const char *text, const char *const *set)
{
    struct kp_experiment *x = rig_open_set(text, set);
    struct kp_config *c = rig_resolve(x, 0);

    assert_int_equal(kp_experiment_cells(x), 1);
    kp_experiment_destroy(x);
    return c;
}

static inline struct kp_config *rig_config(const char *text)
{
    return rig_config_set(text, NULL);
}

/* What opening x.ini, or resolving its first cell, reports; free() it. */
static inline char *rig_report(const char *const *set)
{
    struct kp_experiment *x = NULL;
    struct kp_config *c = NULL;
    struct kp_text report = {0};

    if (rig_try(set, &x, &report) == KP_OK) {
        assert_int_equal(kp_experiment_resolve(x, 0, &fixture_registry, &c, &report), KP_E_CONFIG);
        kp_experiment_destroy(x);
        assert_null(c);
    } else {
        assert_null(x);
    }
    assert_true(report.length > 0);
    return report.s;
}

static inline void rig_refuse_set(const char *text, const char *const *set, const char *report)
{
    char *got;

    rig_put("x.ini", text);
    got = rig_report(set);
    if (strcmp(got, report) != 0)
        fail_msg("the report is\n%s\nand should be\n%s", got, report);
    free(got);
}

/* The experiment is refused with exactly this report. */
static inline void rig_refuse(const char *text, const char *report)
{
    rig_refuse_set(text, NULL, report);
}

static inline void rig_expect(const struct kp_config *c, const char *key, const char *text,
                              const char *origin)
{
    const struct kp_setting *s = kp_config_find(c, key);

    assert_non_null(s);
    assert_string_equal(s->text, text);
    if (origin)
        assert_string_equal(s->origin, origin);
}

#endif
