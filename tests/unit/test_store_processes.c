/* test_store_processes.c - several processes on one run database, and what is left of dead ones. */
#include "store_fixture.h"

#include "store/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const struct fixture_run lt = {
    .objective = "lt", .kappa = 0.1, .tau = FIXTURE_NAN, .seed = 11};

static void add_point(struct kp_store *s, const char *uid, int64_t step)
{
    const struct kp_point p = {"train/loss", step, 1.0, step * 64, 0.0};

    kp_store_point(s, uid, &p);
}

/* Begin the run, say so through the pipe, add points until killed. */
static void hold_run(int say, bool flush)
{
    struct kp_store *s = NULL;
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];
    const struct kp_metric_key key = {"train/loss", "nats", false};

    if (kp_store_open(fixture_path, &s, &e) != KP_OK || kp_store_metric(s, &key, &e) != KP_OK ||
        fixture_begin(s, &lt, -1, uid, &e) != KP_OK)
        _exit(1);
    for (int64_t step = 1;; step++) {
        add_point(s, uid, step);
        kp_store_progress(s, uid, step, 1000000, step * 64);
        if (flush && kp_store_flush(s, &e) != KP_OK)
            _exit(2);
        if (step == 20 && write(say, "x", 1) != 1)
            _exit(3);
        if (!flush)
            (void)usleep(1000);
    }
}

/* No child outlives the test, however it ends. */
static pid_t start_child(void)
{
    pid_t pid = fork();

    if (pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        _exit(90);
    assert_true(pid >= 0);
    return pid;
}

/* Kill it and wait until it is a zombie, dead but there. */
static void end_child(pid_t pid)
{
    siginfo_t info;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static pid_t start_holder(bool flush)
{
    int pipe_ends[2];
    char c;

    assert_int_equal(pipe(pipe_ends), 0);
    pid_t pid = start_child();
    if (pid == 0)
        hold_run(pipe_ends[1], flush);
    assert_true(pid > 0);
    (void)close(pipe_ends[1]);
    assert_int_equal(read(pipe_ends[0], &c, 1), 1);
    (void)close(pipe_ends[0]);
    return pid;
}

static void test_live_holder_is_respected(void **state)
{
    struct kp_error e = {0};
    char uid[KP_UID_SIZE];
    pid_t pid = start_holder(false);

    (void)state;
    struct kp_store *s = fixture_open();
    fixture_expect("SELECT status FROM run", "status\nrunning\n");
    assert_int_equal(fixture_begin(s, &lt, -1, uid, &e), KP_E_STORE);
    assert_says(e, "not taken");

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    /* Found out without opening again, too. */
    struct kp_run_info info;
    bool found = false;
    assert_ok(kp_store_find_uid(s, "0", &info, &found, &e), e);
    assert_int_equal(info.status, KP_RUN_LOST);
    assert_ok(fixture_begin(s, &lt, 5, uid, &e), e);
    fixture_expect("SELECT status, attempt, pid = (SELECT pid FROM attempt WHERE attempt = 2) AS "
                   "ours FROM run",
                   "status,attempt,ours\nrunning,2,1\n");
    fixture_close(s);
}

static void test_killed_writer(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct kp_error e = {0};
        struct kp_run_info info;
        bool found = false;
        pid_t pid = start_holder(round % 2 == 0);

        (void)usleep((useconds_t)(7000 * round));
        end_child(pid);
        struct kp_store *s = fixture_open();
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        fixture_expect("SELECT status FROM run", "status\nlost\n");
        fixture_expect("SELECT integrity_check FROM pragma_integrity_check",
                       "integrity_check\nok\n");
        fixture_expect("SELECT count(*) AS n FROM pragma_foreign_key_check", "n\n0\n");
        char *points = fixture_ask("SELECT count(*) = max(step) AS whole, count(*) >= 20 AS many "
                                   "FROM point");
        if (round % 2 == 0)
            assert_string_equal(points, "whole,many\n1,1\n");
        free(points);
        assert_ok(kp_store_find_uid(s, "0", &info, &found, &e), e);
        assert_true(found);
        assert_int_equal(info.status, KP_RUN_LOST);
        assert_int_equal(info.attempt, round + 1);
        fixture_close(s);
    }
    fixture_expect("SELECT count(*) AS n FROM event WHERE kind = 'lost'", "n\n5\n");
    fixture_expect("SELECT count(*) AS n FROM attempt WHERE finished >= started", "n\n5\n");
}

#define CHILDREN 8
#define ROUNDS   6

static int work(int child)
{
    struct kp_error e = {0};

    for (int round = 0; round < ROUNDS; round++) {
        struct kp_store *s = NULL;
        struct fixture_run r = lt;
        char uid[KP_UID_SIZE];
        const struct kp_metric_key key = {"train/loss", "nats", false};
        const struct kp_result_row result = {"test", "train/loss", 0.1, 6400, 100, 0.5};

        r.seed = child * 100 + round;
        enum kp_status st = kp_store_open(fixture_path, &s, &e);
        if (st == KP_OK)
            st = kp_store_metric(s, &key, &e);
        if (st == KP_OK)
            st = fixture_begin(s, &r, -1, uid, &e);
        for (int64_t step = 1; st == KP_OK && step <= 100; step++) {
            add_point(s, uid, step);
            if (step % 20 == 0)
                st = kp_store_flush(s, &e);
        }
        if (st == KP_OK)
            st = kp_store_end_run(s, uid, KP_RUN_DONE, NULL, &result, 1, NULL, 0, &e);
        struct kp_error closing = {0};
        if (kp_store_close(s, st == KP_OK ? &e : &closing) != KP_OK || st != KP_OK) {
            (void)fprintf(stderr, "child %d: %s\n", child, e.text);
            return 1;
        }
    }
    return 0;
}

/* From nothing: they also race to create the database, and to close it last. */
static void test_many_writers(void **state)
{
    pid_t pids[CHILDREN];
    int failed = 0;

    (void)state;
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = start_child();
        if (pids[i] == 0)
            _exit(work(i));
        assert_true(pids[i] > 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    assert_int_equal(failed, 0);
    fixture_expect("SELECT count(*) AS runs, sum(status = 'done') AS done, (SELECT count(*) FROM "
                   "point) AS points, (SELECT count(*) FROM result) AS results FROM run",
                   "runs,done,points,results\n48,48,4800,48\n");
    fixture_expect("SELECT integrity_check FROM pragma_integrity_check", "integrity_check\nok\n");
}

/* One configuration, many takers: one gets it, the others are told who has it. */
static void test_one_taker(void **state)
{
    int go[2], tried[2], taken = 0;
    pid_t pids[CHILDREN];
    char c;

    (void)state;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(tried), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = start_child();
        if (pids[i] == 0) {
            struct kp_store *s = NULL;
            struct kp_error e = {0};
            char uid[KP_UID_SIZE];
            (void)close(go[1]);
            if (kp_store_open(fixture_path, &s, &e) != KP_OK)
                _exit(2);
            enum kp_status st = fixture_begin(s, &lt, -1, uid, &e);
            if (st != KP_OK && !strstr(e.text, "not taken"))
                _exit(3);
            (void)!write(tried[1], "x", 1);
            (void)!read(go[0], &c, 1); /* keeps what it has until the end of the test */
            _exit(st == KP_OK ? 0 : 1);
        }
    }
    (void)close(go[0]);
    (void)close(tried[1]);
    for (int i = 0; i < CHILDREN; i++)
        assert_int_equal(read(tried[0], &c, 1), 1);
    (void)close(tried[0]);
    (void)close(go[1]);
    for (int i = 0; i < CHILDREN; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        taken += WEXITSTATUS(status) == 0;
    }
    assert_int_equal(taken, 1);
    fixture_expect("SELECT count(*) AS n FROM run", "n\n1\n");
}

static void test_processes(void **state)
{
    struct kp_process self, p;

    (void)state;
    kp_process_self(&self);
    assert_int_equal(self.pid, getpid());
    assert_true(self.started > 0);
    assert_true(strlen(self.boot) >= 32);
    assert_true(kp_process_alive(&self, &self, 1e9));

    p = self;
    p.started++; /* another process with the same pid */
    assert_false(kp_process_alive(&p, &self, 0));
    p = self;
    p.boot[0] ^= 1; /* before a restart of the machine */
    assert_false(kp_process_alive(&p, &self, 0));
    p = self;
    p.pid = 0;
    assert_false(kp_process_alive(&p, &self, 0));
    p = self;
    (void)snprintf(p.host, sizeof p.host, "renamed");
    assert_true(kp_process_alive(&p, &self, 1e9));
    assert_true(kp_process_same(&self, &self));
    assert_false(kp_process_same(&p, &self));
    p.boot[0] ^= 1; /* another machine */
    assert_true(kp_process_alive(&p, &self, KP_PROCESS_SILENCE - 1));
    assert_false(kp_process_alive(&p, &self, KP_PROCESS_SILENCE + 1));
    /* Another container on this machine: its process numbers mean nothing here. */
    p = self;
    (void)snprintf(p.boot + 36, sizeof p.boot - 36, " 99");
    assert_true(kp_process_alive(&p, &self, KP_PROCESS_SILENCE - 1));
    assert_false(kp_process_alive(&p, &self, KP_PROCESS_SILENCE + 1));

    /* A name with spaces and parentheses, and a zombie. */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = start_child();
    if (pid == 0) {
        FILE *f = fopen("/proc/self/comm", "w");
        if (f) {
            (void)fputs("a) S (b", f);
            (void)fclose(f);
        }
        kp_process_self(&p);
        (void)!write(ends[1], &p, sizeof p);
        (void)pause();
        _exit(0);
    }
    (void)usleep(50000);
    assert_int_equal(read(ends[0], &p, sizeof p), sizeof p);
    assert_int_equal(p.pid, pid);
    assert_true(p.started >= self.started);
    assert_true(kp_process_alive(&p, &self, 1e9));
    end_child(pid);
    assert_false(kp_process_alive(&p, &self, 0));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(kp_process_alive(&p, &self, 0));
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* A process that begins its program anew after a crash holds its runs still. */
static void test_crashed_holder(void **state)
{
    const struct fixture_run kd = {.objective = "kd", .kappa = 0.1, .tau = 4, .seed = 11};
    const struct kp_plugin_row op = {"op", "swish", "1", "/plugins/swish.so", "dd", 1, 2};
    struct kp_store *s = fixture_open();
    struct kp_error e = {0};
    char uids[2][KP_UID_SIZE];
    bool any = false;

    (void)state;
    assert_ok(fixture_begin(s, &lt, -1, uids[0], &e), e);
    assert_ok(fixture_begin(s, &kd, -1, uids[1], &e), e);
    assert_ok(kp_store_add_plugins(s, uids[0], &op, 1, &e), e);
    fixture_expect("SELECT kind, name FROM run_plugin WHERE run = 1 ORDER BY kind",
                   "kind,name\nmodel,cnn\nobjective,lt\nop,swish\n");
    assert_int_equal(kp_store_add_plugins(s, "01ABCDEFGHJKMNPQRSTVWXYZ01", &op, 1, &e), KP_E_STORE);

    assert_ok(kp_store_fail_held(s, "objective", "kd", "kd", "crashed in loss", &any, &e), e);
    assert_true(any);
    fixture_expect("SELECT objective, status, error FROM run ORDER BY id",
                   "objective,status,error\nlt,lost,\nkd,failed,crashed in loss\n");
    fixture_expect("SELECT count(*) AS n FROM attempt WHERE finished IS NULL", "n\n0\n");

    assert_ok(kp_store_fail_held(s, "objective", "kd", "kd", "again", &any, &e), e);
    assert_false(any);

    assert_ok(fixture_begin(s, &lt, -1, uids[0], &e), e);
    assert_ok(fixture_begin(s, &kd, -1, uids[1], &e), e);
    assert_ok(kp_store_fail_held(s, "model", "cnn", "net", "crashed in build", &any, &e), e);
    fixture_expect("SELECT count(*) AS n FROM run WHERE status = 'failed' AND attempt = 2",
                   "n\n2\n");

    /* another objective of the same plugin */
    assert_ok(fixture_begin(s, &kd, -1, uids[1], &e), e);
    assert_ok(kp_store_fail_held(s, "objective", "kd", "other", "crashed in loss", &any, &e), e);
    fixture_expect("SELECT status FROM run WHERE objective = 'kd'", "status\nlost\n");
    fixture_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_processes),     TEST(test_live_holder_is_respected),
        TEST(test_killed_writer), TEST(test_many_writers),
        TEST(test_one_taker),     TEST(test_crashed_holder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
