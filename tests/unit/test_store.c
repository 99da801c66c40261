/* test_store.c - runs in the run database: begin, points, artifacts, end, continue, find. */
#include "store_fixture.h"

#include "base/clock.h"
#include "store/analysis.h"
#include "store/checkpoints.h"
#include "store/state.h"
#include "store/uid.h"

static const struct fixture_run lt = {
    .objective = "lt", .kappa = 0.1, .tau = FIXTURE_NAN, .seed = 11};

static void add_point(struct kp_store *s, const char *uid, const char *key, int64_t step, double v)
{
    const struct kp_point p = {key, step, v, step * 64, (double)step * 1e6};

    kp_store_point(s, uid, &p);
}

static void test_uid(void **state)
{
    char before[KP_UID_SIZE] = "", uid[KP_UID_SIZE];
    struct kp_error e = {0};
    double start = kp_clock_wall();

    (void)state;
    while (kp_clock_wall() < start + 0.02) {
        assert_ok(kp_uid_make(uid, &e), e);
        assert_int_equal(strlen(uid), 26);
        assert_int_equal(strspn(uid, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
        assert_true(strncmp(before, uid, 10) <= 0);
        assert_string_not_equal(before, uid);
        memcpy(before, uid, sizeof before);
    }
    /* The first ten digits are the time in milliseconds. */
    int64_t ms = 0;
    for (int i = 0; i < 10; i++)
        ms = ms * 32 + (strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", uid[i]) -
                        "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    assert_true(ms >= (int64_t)(start * 1000) && ms <= (int64_t)(kp_clock_wall() * 1000));
}

static void test_life_of_a_run(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    struct kp_run_info info;
    char uid[KP_UID_SIZE], config[KP_HASH_SIZE], sha256[KP_HASH_SIZE], *path = NULL, *folder;
    bool found = true;

    (void)state;
    fixture_metrics(s);
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    fixture_expect("SELECT status, attempt, dataset, model, objective, teacher, kappa, m, n, tau, "
                   "seed, step, error FROM run",
                   "status,attempt,dataset,model,objective,teacher,kappa,m,n,tau,seed,step,error\n"
                   "running,1,cifar10,cnn,lt,,0.1,100,1000,,11,0,\n");
    fixture_expect("SELECT key, text, number, origin FROM param",
                   "key,text,number,origin\ntrain.lr,0.1,0.1,test.ini:3\n"
                   "train.schedule,constant,,default\n");
    fixture_expect("SELECT kind, name, sha256 FROM run_plugin",
                   "kind,name,sha256\nmodel,cnn,aa\nobjective,lt,bb\n");
    fixture_expect("SELECT role, seed, count, overlap FROM subset",
                   "role,seed,count,overlap\ntrain,11,100,3\n");
    fixture_expect("SELECT attempt, resume_step, device, threads, finished FROM attempt",
                   "attempt,resume_step,device,threads,finished\n1,,cpu,2,\n");

    add_point(s, uid, "train/loss", 1, 2.5);
    add_point(s, uid, "train/loss", 2, FIXTURE_NAN);
    add_point(s, uid, "train/loss", 3, FIXTURE_INF);
    add_point(s, uid, "train/loss", 4, -FIXTURE_INF);
    kp_store_progress(s, uid, 3, 100, 192);
    kp_store_progress(s, uid, 4, 100, 256);
    kp_store_event(s, uid, "teacher", "auto took table");
    assert_ok(kp_store_flush(s, &e), e);
    fixture_expect("SELECT name, step, value, flag, samples, flops FROM point JOIN metric_key ON "
                   "metric_key.id = key",
                   "name,step,value,flag,samples,flops\ntrain/loss,1,2.5,,64,1000000\n"
                   "train/loss,2,,nan,128,2000000\ntrain/loss,3,,inf,192,3000000\n"
                   "train/loss,4,,-inf,256,4000000\n");
    fixture_expect("SELECT step, steps, samples FROM run", "step,steps,samples\n4,100,256\n");
    fixture_expect("SELECT run, kind, text FROM event",
                   "run,kind,text\n1,teacher,auto took table\n");

    assert_ok(kp_store_find_artifact(s, uid, "checkpoint", &path, sha256, &found, &e), e);
    assert_false(found);
    const struct kp_artifact_row first = {"checkpoint", "x/a.safetensors", "aaaa", 10};
    const struct kp_artifact_row second = {"checkpoint", "x/b.safetensors", "bbbb", 20};
    assert_ok(kp_store_artifact(s, uid, &first, 1, 2, &e), e);
    assert_ok(kp_store_artifact(s, uid, &second, 2, 4, &e), e);
    assert_ok(kp_store_find_artifact(s, uid, "checkpoint", &path, sha256, &found, &e), e);
    assert_true(found);
    assert_string_equal(sha256, "bbbb");
    assert_non_null(strstr(path, "kappa.db.d/x/b.safetensors"));
    free(path);
    folder = kp_store_run_folder(s, uid, &e);
    assert_non_null(folder);
    assert_int_equal(access(folder, W_OK), 0);
    free(folder);

    const struct kp_result_row results[] = {{"test", "test/accuracy", 0.1, 256, 4, 47.5},
                                            {"test", "test/kl", 0.1, 256, 4, FIXTURE_NAN}};
    const struct kp_pairwise_row pairs[] = {{uid, "test/agreement", "test", NULL, 100, 0.1, 88.0}};
    assert_ok(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, results, 2, pairs, 1, &e), e);
    fixture_expect("SELECT status, finished >= created AS f FROM run", "status,f\ndone,1\n");
    fixture_expect("SELECT split, kappa, value, flag FROM result",
                   "split,kappa,value,flag\ntest,0.1,47.5,\ntest,0.1,,nan\n");
    fixture_expect("SELECT run_a, run_b, n, kappa, value FROM pairwise",
                   "run_a,run_b,n,kappa,value\n1,1,100,0.1,88\n");

    fixture_hash(config, "config", "lt 0.1 nan 11 ", strlen("lt 0.1 nan 11 "));
    assert_ok(kp_store_find_run(s, config, &info, &found, &e), e);
    assert_true(found);
    assert_string_equal(info.uid, uid);
    assert_int_equal(info.status, KP_RUN_DONE);
    assert_string_equal(info.checkpoint, "bbbb"); /* until it has been removed */
    assert_ok(kp_store_drop_checkpoints(s, uid, &e), e);
    assert_ok(kp_store_find_run(s, config, &info, &found, &e), e);
    assert_string_equal(info.checkpoint, "");
    assert_int_equal(fixture_begin(s, &lt, -1, uid, &e), KP_E_STORE);
    assert_says(e, "not taken");
    assert_int_equal(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, NULL, 0, NULL, 0, &e), KP_E_STORE);
    assert_says(e, "not held by this process");
    assert_ok(kp_store_find_run(s, "0000", &info, &found, &e), e);
    assert_false(found);
    fixture_close(s);
}

static void test_find_by_prefix(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    struct kp_run_info info;
    struct fixture_run r = lt;
    char first[KP_UID_SIZE], second[KP_UID_SIZE], prefix[KP_UID_SIZE];
    bool found = false;

    (void)state;
    assert_ok(fixture_begin(s, &r, -1, first, &e), e);
    assert_ok(kp_store_find_uid(s, "0", &info, &found, &e), e);
    assert_true(found);
    r.seed = 13;
    assert_ok(fixture_begin(s, &r, -1, second, &e), e);
    assert_int_equal(kp_store_find_uid(s, "0", &info, &found, &e), KP_E_INVALID);
    assert_says(e, first);
    assert_says(e, second);

    for (int i = 0; i < KP_UID_SIZE; i++)
        prefix[i] = first[i] >= 'A' ? (char)(first[i] - 'A' + 'a') : first[i];
    assert_ok(kp_store_find_uid(s, prefix, &info, &found, &e), e);
    assert_true(found);
    assert_string_equal(info.uid, first);
    assert_int_equal(info.status, KP_RUN_RUNNING);
    assert_ok(kp_store_find_uid(s, "ZZ", &info, &found, &e), e);
    assert_false(found);
    assert_ok(kp_store_find_uid(s, "0123456789012345678901234567", &info, &found, &e), e);
    assert_false(found);
    assert_int_equal(kp_store_find_uid(s, "", &info, &found, &e), KP_E_INVALID);
    fixture_close(s);
}

static void test_continue_forgets_later_points(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char uid[KP_UID_SIZE], again[KP_UID_SIZE];

    (void)state;
    fixture_metrics(s);
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    for (int64_t step = 1; step <= 10; step++)
        add_point(s, uid, "train/loss", step, 1.0);
    const struct kp_artifact_row file = {"checkpoint", "c", "ab", 1};
    assert_ok(kp_store_artifact(s, uid, &file, 1, 6, &e), e);
    assert_ok(kp_store_end_run(s, uid, KP_RUN_INTERRUPTED, "stopped", NULL, 0, NULL, 0, &e), e);
    fixture_expect("SELECT status, error FROM run", "status,error\ninterrupted,stopped\n");

    assert_ok(fixture_begin(s, &lt, 6, again, &e), e);
    assert_string_equal(uid, again);
    fixture_expect("SELECT count(*) AS n, max(step) AS last FROM point", "n,last\n6,6\n");
    fixture_expect("SELECT status, attempt, step, samples, error FROM run",
                   "status,attempt,step,samples,error\nrunning,2,6,384,\n");
    fixture_expect("SELECT attempt, resume_step, finished IS NULL AS open FROM attempt",
                   "attempt,resume_step,open\n1,,0\n2,6,1\n");
    fixture_expect("SELECT count(*) AS n FROM artifact", "n\n1\n");
    fixture_expect("SELECT count(*) AS n FROM param", "n\n2\n");

    assert_ok(kp_store_end_run(s, uid, KP_RUN_FAILED, "NaN at step 7", NULL, 0, NULL, 0, &e), e);
    assert_ok(fixture_begin(s, &lt, -1, again, &e), e);
    fixture_expect("SELECT (SELECT count(*) FROM point) AS points, (SELECT count(*) FROM artifact) "
                   "AS files, step, attempt FROM run",
                   "points,files,step,attempt\n0,0,0,3\n");
    fixture_close(s);
}

/* A curve: results of each kappa that was passed, and their weights, stay with the step from which
 * the run goes on. */
static void test_results_of_a_curve(void **state)
{
    static const double kappas[] = {0.01, 0.05, 0.1};
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char uid[KP_UID_SIZE], other[KP_UID_SIZE];
    struct fixture_run second = lt;
    int64_t samples = 0;
    bool found = true;

    (void)state;
    fixture_metrics(s);
    second.seed = 13;
    assert_ok(fixture_begin(s, &second, -1, other, &e), e);
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    for (int i = 0; i < 3; i++) {
        const struct kp_result_row result = {"test",       "test/kl", kappas[i],
                                             64 * (i + 1), i + 1,     2.0};
        const struct kp_pairwise_row pair = {other, "test/kl", "test", "mean", 10, kappas[i], 1.0};
        char role[32];

        (void)snprintf(role, sizeof role, "model@%g", kappas[i]);
        const struct kp_artifact_row file = {role, role, "ab", 1};
        assert_ok(kp_store_artifact(s, uid, &file, 0, i + 1, &e), e);
        assert_ok(kp_store_results(s, uid, &result, 1, &pair, 1, &e), e);
    }
    assert_ok(kp_store_samples_at(s, uid, 0.05, &samples, &found, &e), e);
    assert_true(found);
    assert_int_equal(samples, 128);
    assert_ok(kp_store_samples_at(s, uid, 0.06, &samples, &found, &e), e);
    assert_false(found);
    assert_ok(kp_store_end_run(s, uid, KP_RUN_INTERRUPTED, "stopped", NULL, 0, NULL, 0, &e), e);
    const struct kp_result_row late = {"test", "test/kl", 1.0, 1, 1, 1.0};
    assert_int_equal(kp_store_results(s, uid, &late, 1, NULL, 0, &e), KP_E_STORE);
    assert_says(e, "not held by this process");

    assert_ok(fixture_begin(s, &lt, 2, uid, &e), e);
    fixture_expect("SELECT kappa, samples, step FROM result",
                   "kappa,samples,step\n0.01,64,1\n0.05,128,2\n");
    fixture_expect("SELECT kappa, n FROM pairwise", "kappa,n\n0.01,10\n0.05,10\n");
    fixture_expect("SELECT role, step FROM artifact", "role,step\nmodel@0.01,1\nmodel@0.05,2\n");
    assert_ok(kp_store_end_run(s, uid, KP_RUN_FAILED, "NaN", NULL, 0, NULL, 0, &e), e);
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    fixture_expect("SELECT (SELECT count(*) FROM result) + (SELECT count(*) FROM pairwise) + "
                   "(SELECT count(*) FROM artifact) AS n",
                   "n\n0\n");
    fixture_close(s);
}

static void test_wrong_references(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    struct fixture_run r = lt;
    char uid[KP_UID_SIZE] = "unchanged";

    (void)state;
    r.teacher_uid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    assert_int_equal(fixture_begin(s, &r, -1, uid, &e), KP_E_STORE);
    assert_says(e, "teacher");
    assert_says(e, r.teacher_uid);
    assert_string_equal(uid, "unchanged");
    fixture_expect("SELECT count(*) AS n FROM run", "n\n0\n");

    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    const struct kp_result_row unknown = {"test", "test/none", 0.1, 1, 1, 1.0};
    assert_int_equal(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, &unknown, 1, NULL, 0, &e),
                     KP_E_INVALID);
    assert_says(e, "test/none");
    fixture_metrics(s);
    const struct kp_pairwise_row nobody = {r.teacher_uid, "test/kl", "test", "", 1, 0.1, 1.0};
    const struct kp_result_row good = {"test", "test/kl", 0.1, 1, 1, 1.0};
    assert_int_equal(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, &good, 1, &nobody, 1, &e),
                     KP_E_STORE);
    assert_says(e, r.teacher_uid);
    fixture_expect("SELECT status, (SELECT count(*) FROM result) AS n FROM run",
                   "status,n\nrunning,0\n");

    const struct kp_metric_key other = {"test/kl", "nats", true};
    fixture_close(s);
    s = fixture_open();
    assert_int_equal(kp_store_metric(s, &other, &e), KP_E_STORE);
    assert_says(e, "test/kl");
    fixture_close(s);
}

static void test_writer_needs_no_flush(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];

    (void)state;
    fixture_metrics(s);
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    add_point(s, uid, "train/loss", 1, 2.5);
    double start = kp_clock_monotonic();
    for (;;) {
        char *n = fixture_ask("SELECT count(*) AS n FROM point");
        bool there = strcmp(n, "n\n1\n") == 0;
        free(n);
        if (there)
            break;
        assert_true(kp_clock_monotonic() < start + 20.0);
        (void)usleep(50000);
    }
    fixture_close(s);
}

static void test_many_points(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];

    (void)state;
    fixture_metrics(s);
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    for (int64_t i = 1; i <= 100000; i++) /* more than may wait */
        add_point(s, uid, "train/loss", i, 1.0 / (double)i);
    assert_ok(kp_store_flush(s, &e), e);
    fixture_expect("SELECT count(*) AS n, max(step) AS last FROM point", "n,last\n100000,100000\n");
    fixture_close(s);
}

/* A disk is full to SQLite when the file may not grow. */
static void set_pages(struct kp_store *s, int64_t pages)
{
    char sql[64];

    (void)pthread_mutex_lock(&s->lock);
    (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)pages);
    assert_int_equal(sqlite3_exec(s->database.handle, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)pthread_mutex_unlock(&s->lock);
}

static void test_full_disk(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];

    (void)state;
    fixture_metrics(s);
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    set_pages(s, 1); /* no more than there are */
    for (int64_t i = 1; i <= 10000; i++)
        add_point(s, uid, "train/loss", i, 1.0);
    assert_int_equal(kp_store_flush(s, &e), KP_E_STORE);
    assert_says(e, "disk is full");
    assert_says(e, fixture_path);
    assert_int_equal(kp_store_flush(s, &e), KP_E_STORE);

    /* What was queued is written once there is room. */
    set_pages(s, 1000000);
    assert_ok(kp_store_flush(s, &e), e);
    fixture_expect("SELECT count(*) AS n FROM point", "n\n10000\n");

    /* Beyond the limit of the queue it is dropped, and the caller told. */
    set_pages(s, 1);
    for (int64_t i = 1; i <= 2 * KP_WRITER_LIMIT + 1; i++)
        add_point(s, uid, "train/loss", 10000 + i, 1.0);
    assert_int_equal(kp_store_flush(s, &e), KP_E_STORE);
    assert_says(e, "were not recorded");

    /* With points lost the run can end, but neither be done nor saved. */
    set_pages(s, 1000000);
    assert_int_equal(kp_store_flush(s, &e), KP_E_STORE);
    assert_says(e, "were not recorded");
    const struct kp_artifact_row file = {"checkpoint", "c", "ab", 1};
    assert_int_equal(kp_store_add_checkpoint(s, uid, &file, 1, 6, &e), KP_E_STORE);
    assert_int_equal(kp_store_end_run(s, uid, KP_RUN_DONE, NULL, NULL, 0, NULL, 0, &e), KP_E_STORE);
    assert_ok(kp_store_end_run(s, uid, KP_RUN_FAILED, "full", NULL, 0, NULL, 0, &e), e);
    assert_int_equal(kp_store_close(s, &e), KP_E_STORE);
}

static void test_sweep(void **state)
{
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    struct fixture_run r = lt;
    char a[KP_UID_SIZE], b[KP_UID_SIZE], path[320];

    (void)state;
    assert_ok(fixture_begin(s, &r, -1, a, &e), e);
    r.seed = 13;
    assert_ok(fixture_begin(s, &r, -1, b, &e), e);
    (void)snprintf(path, sizeof path, "%s/x.ini", fixture_folder);
    const char *uids[] = {a, b};
    assert_int_equal(kp_store_sweep(s, path, uids, 2, &e), KP_E_IO);
    assert_says(e, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("[sweep]\nseed.master = 11, 13\n", f);
    assert_int_equal(fclose(f), 0);
    assert_ok(kp_store_sweep(s, path, uids, 1, &e), e);
    assert_ok(kp_store_sweep(s, path, uids, 2, &e), e);
    fixture_expect("SELECT count(DISTINCT sweep) AS sweeps, count(*) AS runs FROM sweep_run",
                   "sweeps,runs\n1,2\n");
    fixture_expect("SELECT text FROM sweep", "text\n\"[sweep]\nseed.master = 11, 13\n\"\n");
    fixture_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_uid),
        TEST(test_life_of_a_run),
        TEST(test_find_by_prefix),
        TEST(test_continue_forgets_later_points),
        TEST(test_results_of_a_curve),
        TEST(test_wrong_references),
        TEST(test_writer_needs_no_flush),
        TEST(test_many_points),
        TEST(test_full_disk),
        TEST(test_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
