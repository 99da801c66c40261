/* test_checkpoint.c - a run's two checkpoints: which are recorded, found good, swept and dropped.
 */
#include "store_fixture.h"

#include "base/file.h"
#include "train/checkpoint.h"

#include <stdint.h>

static const struct fixture_run lt = {
    .objective = "lt", .kappa = 0.1, .tau = FIXTURE_NAN, .seed = 11};

/* A run that has begun, and its folder. */
struct rig {
    struct kp_store *store;
    char uid[KP_UID_SIZE];
    char *folder;
};

static struct rig open_rig(void)
{
    struct rig r = {.store = fixture_open()};
    struct kp_error e = {0};

    fixture_metrics(r.store);
    assert_ok(fixture_begin(r.store, &lt, -1, r.uid, &e), e);
    r.folder = kp_store_run_folder(r.store, r.uid, &e);
    assert_non_null(r.folder);
    return r;
}

static void close_rig(struct rig *r)
{
    free(r->folder);
    fixture_close(r->store);
}

static void write_file(const struct rig *r, const char *name, const char *text)
{
    char *path = kp_path_join(r->folder, name);
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
    free(path);
}

static bool is_there(const struct rig *r, const char *name)
{
    char *path = kp_path_join(r->folder, name);
    bool there = kp_file_exists(path);

    free(path);
    return there;
}

/* A file with its step as content, recorded. */
static void save(const struct rig *r, int64_t step)
{
    char name[64], relative[128], text[32], sha256[KP_HASH_SIZE];
    struct kp_error e = {0};

    (void)snprintf(name, sizeof name, "checkpoint-%lld.safetensors", (long long)step);
    (void)snprintf(relative, sizeof relative, "%s/%s", r->uid, name);
    (void)snprintf(text, sizeof text, "step %lld", (long long)step);
    write_file(r, name, text);
    kp_hash_bytes(text, strlen(text), sha256);
    const struct kp_artifact_row row = {"checkpoint", relative, sha256, (int64_t)strlen(text)};
    assert_ok(kp_store_add_checkpoint(r->store, r->uid, &row, step / 2, step, &e), e);
}

/* The steps of what can be continued from, newest first, as "6 4 ". */
static void assert_good(const struct rig *r, const char *steps)
{
    struct kp_checkpoint_row rows[KP_CHECKPOINTS];
    struct kp_error e = {0};
    char text[64] = "";
    int count = 0;

    assert_ok(kp_checkpoint_find(r->store, r->uid, rows, &count, &e), e);
    for (int i = 0; i < count; i++) {
        size_t at = strlen(text);
        (void)snprintf(text + at, sizeof text - at, "%lld ", (long long)rows[i].step);
        assert_int_equal(rows[i].epoch, rows[i].step / 2);
    }
    kp_checkpoint_rows_finish(rows, count);
    assert_string_equal(text, steps);
}

#define ROWS \
    "SELECT role, step, substr(path, 28) AS path FROM artifact WHERE role LIKE 'c%' ORDER BY role"

static void test_the_last_two_are_recorded(void **state)
{
    struct rig r = open_rig();

    (void)state;
    assert_good(&r, "");
    save(&r, 2);
    assert_good(&r, "2 ");
    save(&r, 4);
    save(&r, 6);
    assert_good(&r, "6 4 ");
    /* Saved again at the same step it is one and the same file. */
    save(&r, 6);
    fixture_expect(ROWS, "role,step,path\ncheckpoint,6,checkpoint-6.safetensors\n"
                         "checkpoint_before,4,checkpoint-4.safetensors\n");
    close_rig(&r);
}

static void test_a_damaged_one_is_passed_over(void **state)
{
    struct rig r = open_rig();
    struct kp_error e = {0};

    (void)state;
    save(&r, 2);
    save(&r, 4);
    write_file(&r, "checkpoint-4.safetensors", "step");
    assert_good(&r, "2 ");
    write_file(&r, "checkpoint-2.safetensors", "step 3");
    assert_good(&r, "");
    write_file(&r, "checkpoint-4.safetensors", "step 4");
    assert_good(&r, "4 ");
    assert_ok(kp_store_flush(r.store, &e), e);
    fixture_expect("SELECT text, count(*) AS n FROM event GROUP BY text",
                   "text,n\nthe checkpoint of step 2 is missing or damaged,2\n"
                   "the checkpoint of step 4 is missing or damaged,2\n");
    close_rig(&r);
}

/* Continued from the one before, a run has no newer one, and no points behind it. */
static void test_going_on_from_the_one_before(void **state)
{
    struct rig r = open_rig();
    struct kp_error e = {0};

    (void)state;
    for (int64_t step = 1; step <= 5; step++) {
        const struct kp_point p = {"train/loss", step, 1.0, step, 0};
        kp_store_point(r.store, r.uid, &p);
        if (step % 2 == 0)
            save(&r, step);
    }
    assert_ok(kp_store_end_run(r.store, r.uid, KP_RUN_INTERRUPTED, "x", NULL, 0, NULL, 0, &e), e);
    assert_ok(fixture_begin(r.store, &lt, 2, r.uid, &e), e);
    fixture_expect(ROWS, "role,step,path\ncheckpoint,2,checkpoint-2.safetensors\n");
    fixture_expect("SELECT max(step) AS last FROM point", "last\n2\n");
    fixture_expect("SELECT resume_step FROM attempt WHERE attempt = 2", "resume_step\n2\n");
    close_rig(&r);
}

static void test_what_is_not_recorded_is_swept(void **state)
{
    struct rig r = open_rig();
    const struct kp_checkpoint_place place = {r.store, r.uid, r.folder};
    struct kp_error e = {0};

    (void)state;
    save(&r, 2);
    save(&r, 4);
    write_file(&r, "checkpoint-3.safetensors", "");
    write_file(&r, "model.safetensors.tmp-123-0", "");
    write_file(&r, "run.ini", "");
    write_file(&r, "model.safetensors", "");
    assert_ok(kp_checkpoint_tidy(&place, &e), e);
    assert_good(&r, "4 2 ");
    assert_false(is_there(&r, "checkpoint-3.safetensors"));
    assert_false(is_there(&r, "model.safetensors.tmp-123-0"));
    assert_true(is_there(&r, "run.ini"));
    assert_true(is_there(&r, "model.safetensors"));
    close_rig(&r);
}

/* The rows stay until the files are gone; those of a run that is not done stay in any case. */
static void test_a_finished_run_has_none(void **state)
{
    struct rig r = open_rig();
    const struct kp_checkpoint_place place = {r.store, r.uid, r.folder};
    struct kp_run_info info;
    struct kp_error e = {0};
    bool found = false;

    (void)state;
    save(&r, 2);
    assert_ok(kp_store_drop_checkpoints(r.store, r.uid, &e), e);
    assert_good(&r, "2 ");
    save(&r, 4);
    assert_ok(kp_store_end_run(r.store, r.uid, KP_RUN_DONE, NULL, NULL, 0, NULL, 0, &e), e);
    assert_ok(kp_store_find_uid(r.store, r.uid, &info, &found, &e), e);
    assert_int_equal(info.step, 4);

    /* A folder in the place of a file cannot be unlinked. */
    char *path = kp_path_join(r.folder, "checkpoint-9.safetensors");
    assert_int_equal(mkdir(path, 0777), 0);
    assert_ok(kp_checkpoint_drop(&place, &e), e);
    fixture_expect("SELECT count(*) AS n FROM artifact", "n\n2\n");
    assert_int_equal(rmdir(path), 0);
    free(path);

    assert_ok(kp_checkpoint_drop(&place, &e), e);
    assert_false(is_there(&r, "checkpoint-2.safetensors"));
    assert_false(is_there(&r, "checkpoint-4.safetensors"));
    assert_ok(kp_store_find_uid(r.store, r.uid, &info, &found, &e), e);
    assert_string_equal(info.checkpoint, "");
    close_rig(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_last_two_are_recorded),    TEST(test_a_damaged_one_is_passed_over),
        TEST(test_going_on_from_the_one_before), TEST(test_what_is_not_recorded_is_swept),
        TEST(test_a_finished_run_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
