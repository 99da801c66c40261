/* store_fixture.h - temporary run databases and runs for the tests of core/store. */
#ifndef KP_TEST_STORE_FIXTURE_H
#define KP_TEST_STORE_FIXTURE_H

#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/query.h"
#include "store/store.h"

/* NAN and INFINITY are floats. */
#define FIXTURE_NAN ((double)NAN)
#define FIXTURE_INF ((double)INFINITY)

static char fixture_folder[256];
static char fixture_path[300]; /* of the test's database */

static int fixture_remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int fixture_setup(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    (void)snprintf(fixture_folder, sizeof fixture_folder, "%s/kappa-store-XXXXXX",
                   tmp ? tmp : "/tmp");
    if (!mkdtemp(fixture_folder))
        return -1;
    (void)snprintf(fixture_path, sizeof fixture_path, "%s/kappa.db", fixture_folder);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    (void)state;
    return nftw(fixture_folder, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define assert_ok(status, error)                            \
    do {                                                    \
        if ((status) != KP_OK)                              \
            fail_msg("unexpected error: %s", (error).text); \
    } while (0)

#define assert_says(error, part)                                      \
    do {                                                              \
        if (!strstr((error).text, part))                              \
            fail_msg("message without '%s': %s", part, (error).text); \
    } while (0)

static inline struct kp_store *fixture_open(void)
{
    struct kp_store *s = NULL;
    struct kp_error e = {0};

    assert_ok(kp_store_open(fixture_path, &s, &e), e);
    return s;
}

static inline void fixture_close(struct kp_store *s)
{
    struct kp_error e = {0};

    assert_ok(kp_store_close(s, &e), e);
}

/* The whole answer to a query as CSV lines that end in "\n"; free() it. */
static inline char *fixture_ask(const char *sql)
{
    struct kp_text out = {0};
    struct kp_error e = {0};

    assert_ok(kp_query_run(fixture_path, sql, KP_QUERY_CSV, &out, &e), e);
    char *to = out.s;
    for (char *from = out.s; *from; from++)
        if (*from != '\r')
            *to++ = *from;
    *to = '\0';
    return out.s;
}

static inline void fixture_expect(const char *sql, const char *csv)
{
    char *got = fixture_ask(sql);

    assert_string_equal(got, csv);
    free(got);
}

/* A hash that differs with its parts. */
static inline const char *fixture_hash(char out[KP_HASH_SIZE], const char *what, const void *part,
                                       size_t size)
{
    char text[256];

    assert_true(size < 128 && strlen(what) < 64);
    (void)snprintf(text, sizeof text, "%s:", what);
    memcpy(text + strlen(what) + 1, part, size);
    kp_hash_bytes(text, strlen(what) + 1 + size, out);
    return out;
}

struct fixture_run {
    const char *objective; /* "lt" */
    double kappa, tau;
    int64_t seed;
    const char *teacher_uid; /* or NULL */
    const char *variant;     /* a setting that is no column */
};

/* Begin the run of a configuration made from *r; KP_E_STORE, "not taken", if it is not to be had.
 */
static inline enum kp_status fixture_begin(struct kp_store *s, const struct fixture_run *r,
                                           int64_t resume_step, char uid[KP_UID_SIZE],
                                           struct kp_error *e)
{
    char config[KP_HASH_SIZE], pair[KP_HASH_SIZE], group[KP_HASH_SIZE], text[128];
    const char *variant = r->variant ? r->variant : "";
    const struct kp_param_row params[] = {
        {.key = "train.lr", .text = "0.1", .origin = "test.ini:3", .number = 0.1},
        {.key = "train.schedule", .text = "constant", .origin = "default", .number = FIXTURE_NAN},
    };
    const struct kp_plugin_row plugins[] = {
        {"model", "cnn", "1", "/plugins/cnn.so", "aa", 1, 0},
        {"objective", r->objective, "1", "/plugins/objective.so", "bb", 1, 0},
    };
    const struct kp_subset_row subsets[] = {{"train", "test/1", r->seed, 100, 3, "cc"}};
    struct kp_attempt_row attempt = {"cpu", "kappa 0.1", NULL, 2};
    struct kp_run_info info = {0};
    bool found = false, taken = false;

    (void)snprintf(text, sizeof text, "%s %g %g %lld %s", r->objective, r->kappa, r->tau,
                   (long long)r->seed, variant);
    fixture_hash(config, "config", text, strlen(text));
    (void)snprintf(text, sizeof text, "%g %lld", r->kappa, (long long)r->seed);
    fixture_hash(pair, "pair", text, strlen(text));
    (void)snprintf(text, sizeof text, "%s %g %g %s", r->objective, r->kappa, r->tau, variant);
    fixture_hash(group, "group", text, strlen(text));
    const struct kp_run_row row = {
        .kind = "train",
        .name = "test",
        .config_hash = config,
        .pair_hash = pair,
        .group_hash = group,
        .teacher_uid = r->teacher_uid,
        .dataset = "cifar10",
        .model = "cnn",
        .objective = r->objective,
        .teacher = r->teacher_uid ? "cnn" : NULL,
        .kappa = r->kappa,
        .m = (int64_t)(r->kappa * 1000),
        .n = 1000,
        .tau = r->tau,
        .seed = r->seed,
        .ini = "[model]\nplugin = cnn\n",
    };
    enum kp_status st = kp_store_find_run(s, config, &info, &found, e);
    attempt.previous = found ? info.attempt : 0;
    if (st == KP_OK)
        st = kp_store_begin_run(s, &row, params, 2, plugins, 2, subsets, 1, &attempt, resume_step,
                                uid, &taken, e);
    return st == KP_OK && !taken ? kp_fail(e, KP_E_STORE, "not taken") : st;
}

static inline void fixture_metrics(struct kp_store *s)
{
    static const struct kp_metric_key keys[] = {
        {"test/accuracy", "%", true},
        {"test/agreement", "%", true},
        {"test/kl", "nats", false},
        {"train/loss", "nats", false},
    };
    struct kp_error e = {0};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_ok(kp_store_metric(s, &keys[i], &e), e);
}

#endif
