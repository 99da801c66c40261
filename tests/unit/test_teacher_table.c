/* test_teacher_table.c - teachers' tables: stored once, checked when found, made again if wrong. */
#include "store/database.h"
#include "store/upkeep.h"
#include "study_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct study_fixture fixture;

static int open_fixture(void **state)
{
    (void)state;
    study_fixture_open(&fixture);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    study_fixture_close(&fixture);
    return 0;
}

static void run_to_end(const char *db, const char *const *overrides, int64_t done)
{
    struct study_watch w = {.stop_at = -1};
    struct kp_study_result r;

    if (study_run(&fixture, db, overrides, &w, &r) != KP_OK || r.done != done)
        fail_msg("%lld done, %lld failed: %s", (long long)r.done, (long long)r.failed, w.text);
}

static int64_t count(const char *db, const char *sql)
{
    char *rows = study_query(&fixture, db, sql);
    int64_t n = strtoll(rows, NULL, 10);

    free(rows);
    return n;
}

#define TABLES "SELECT count(*) FROM artifact WHERE role LIKE 'teacher_table.%'"
#define SAID   "SELECT count(*) FROM event WHERE kind = 'teacher_table' AND text LIKE '%"

/* sha256, time and path of a database's tables, one a line. */
static char *tables(const char *db)
{
    return study_query(&fixture, db,
                       "SELECT sha256, created, path FROM artifact WHERE role LIKE "
                       "'teacher_table.%' ORDER BY path");
}

/* The path of the table of the training split, unflipped: the larger file whose hash is first. */
static void table_path(const char *db, char *out, size_t size)
{
    char folder[96];
    char *path = study_query(&fixture, db,
                             "SELECT path FROM artifact WHERE role LIKE 'teacher_table.%' "
                             "ORDER BY bytes DESC, sha256 LIMIT 1");

    path[strcspn(path, "\r\n")] = '\0';
    (void)snprintf(folder, sizeof(folder), "%s.d", db);
    (void)snprintf(out, size, "%s/%s", study_path(&fixture, folder), path);
    free(path);
}

/* Overwrite one float near the end of a file. */
static void spoil(const char *path)
{
    const float wrong = 1e6F;
    FILE *f = fopen(path, "r+b");

    assert_non_null(f);
    assert_int_equal(fseek(f, -(long)sizeof(wrong) * 4, SEEK_END), 0);
    assert_int_equal(fwrite(&wrong, sizeof(wrong), 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

static const char *const others[] = {"sweep:data.kappa=0.5,0.6", "sweep:objective.plugin=kd,l2",
                                     NULL};

/* Other kappas, objectives and seeds, in another execution, use the tables of the first. */
static void test_made_once(void **state)
{
    static const char *const seed[] = {"seed.master=13", NULL};

    (void)state;
    run_to_end("once.db", NULL, 2);
    /* of the test split, and of the training split in both draws */
    assert_int_equal(count("once.db", TABLES), 3);
    char *before = tables("once.db");
    run_to_end("once.db", others, 4);
    run_to_end("once.db", seed, 1);
    char *after = tables("once.db");
    assert_string_equal(before, after);
    assert_int_equal(count("once.db", SAID "%'"), 0);
    free(before);
    free(after);
}

/* A student is the same whether its teacher's table was found or made for it. */
static void test_found_is_made(void **state)
{
    static const char *const first[] = {"data.kappa=0.5", NULL};
    char a[KP_HASH_SIZE], b[KP_HASH_SIZE];
    char *weights_sql = NULL;

    (void)state;
    run_to_end("made.db", NULL, 2);
    study_weights(&fixture, "made.db", "kd", "student", a);
    run_to_end("found.db", first, 2);
    run_to_end("found.db", NULL, 1);
    weights_sql = study_query(&fixture, "found.db",
                              "SELECT a.sha256 FROM artifact a JOIN run r ON r.id = a.run WHERE "
                              "a.role = 'model' AND abs(r.kappa - 0.7) < 1e-9 AND r.objective = "
                              "'kd'");
    (void)snprintf(b, sizeof(b), "%.64s", weights_sql);
    assert_string_equal(a, b);
    free(weights_sql);
}

/* A damaged file is said, made again with the same numbers, and recorded. */
static void test_damaged(void **state)
{
    char path[512];

    (void)state;
    run_to_end("damaged.db", NULL, 2);
    char *before = study_query(&fixture, "damaged.db",
                               "SELECT role, sha256 FROM artifact WHERE role LIKE "
                               "'teacher_table.%' ORDER BY role");
    table_path("damaged.db", path, sizeof(path));
    spoil(path);
    run_to_end("damaged.db", others, 4);
    assert_int_equal(count("damaged.db", SAID "is computed again%sha256%'"), 1);
    char *after = study_query(&fixture, "damaged.db",
                              "SELECT role, sha256 FROM artifact WHERE role LIKE "
                              "'teacher_table.%' ORDER BY role");
    assert_string_equal(before, after);
    char now[KP_HASH_SIZE];
    struct kp_error e = {0};
    assert_int_equal(kp_hash_file(path, now, &e), KP_OK);
    assert_non_null(strstr(after, now));
    free(before);
    free(after);
}

/* The file is the recorded one, but not what the teacher says: the spot check tells. */
static void test_stale(void **state)
{
    char path[512], now[KP_HASH_SIZE];
    uint64_t header = 0;
    const float wrong = 1e6F;
    struct kp_database d = {0};
    struct kp_error e = {0};

    (void)state;
    run_to_end("stale.db", NULL, 2);
    table_path("stale.db", path, sizeof(path));
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fread(&header, sizeof(header), 1, f), 1);
    assert_int_equal(fseek(f, (long)(sizeof(header) + header), SEEK_SET), 0);
    assert_int_equal(fwrite(&wrong, sizeof(wrong), 1, f), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(kp_hash_file(path, now, &e), KP_OK);
    assert_int_equal(kp_database_open_write(study_path(&fixture, "stale.db"), true, &d, &e), KP_OK);
    assert_int_equal(kp_database_exec(&d, &e,
                                      "UPDATE artifact SET sha256 = ? WHERE ? LIKE '%' || path",
                                      "tt", now, path),
                     KP_OK);
    kp_database_close(&d);
    run_to_end("stale.db", others, 4);
    assert_int_equal(count("stale.db", SAID "example 0, class 0%'"), 1);
    assert_int_equal(kp_hash_file(path, now, &e), KP_OK);
    char *after = tables("stale.db");
    assert_non_null(strstr(after, now));
    free(after);
}

/* A table that is gone is made again. */
static void test_gone(void **state)
{
    char path[512];

    (void)state;
    run_to_end("gone.db", NULL, 2);
    table_path("gone.db", path, sizeof(path));
    assert_int_equal(remove(path), 0);
    run_to_end("gone.db", others, 4);
    assert_int_equal(count("gone.db", SAID "is computed again%'"), 1);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    (void)fclose(f);
}

/* A copy of the weights of the teacher in once.db, as an override of [teacher] file. */
static void copy_teacher(char file[300], char override[320])
{
    char from[512], command[900];

    study_weights_path(&fixture, "once.db", "lt", "teacher", from, sizeof(from));
    (void)snprintf(file, 300, "%s/teacher.safetensors", fixture.folder);
    (void)snprintf(override, 320, "teacher.file=%s", file);
    (void)snprintf(command, sizeof(command), "cp '%s' '%s'", from, file);
    assert_int_equal(system(command), 0);
}

static void change(const char *db, const char *sql)
{
    struct kp_database d = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_database_open_write(study_path(&fixture, db), true, &d, &e), KP_OK);
    assert_int_equal(kp_database_exec(&d, &e, sql, ""), KP_OK);
    kp_database_close(&d);
}

static int64_t collect(const char *db)
{
    struct kp_store *s = NULL;
    struct kp_gc_counts counts;
    struct kp_text notes = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_store_open(study_path(&fixture, db), &s, &e), KP_OK);
    assert_int_equal(kp_store_gc(s, false, &counts, &notes, &e), KP_OK);
    assert_int_equal(kp_store_close(s, &e), KP_OK);
    kp_text_finish(&notes);
    return counts.files;
}

/* Tables of a teacher that is a file are kept by the run that first asked, for all, and are not
 * collected while a run that it teaches is not done. */
static void test_file(void **state)
{
    char file[300], override[320], a[KP_HASH_SIZE], b[KP_HASH_SIZE];
    const char *const first[] = {"teacher.experiment=", override, NULL};
    const char *const rest[] = {"teacher.experiment=", override, "sweep:data.kappa=0.5,0.6", NULL};

    (void)state;
    copy_teacher(file, override);
    run_to_end("file.db", first, 1);
    assert_int_equal(count("file.db", TABLES), 3);
    char *before = tables("file.db");
    run_to_end("file.db", rest, 2);
    char *after = tables("file.db");
    assert_string_equal(before, after);
    free(before);
    free(after);
    study_weights(&fixture, "once.db", "kd' AND abs(r.kappa - 0.7) < 1e-9 AND r.seed = '11",
                  "student", a);
    study_weights(&fixture, "file.db", "kd' AND abs(r.kappa - 0.7) < 1e-9 AND r.seed = '11",
                  "student", b);
    assert_string_equal(a, b);

    change("file.db", "UPDATE run SET status = 'interrupted' WHERE abs(kappa - 0.5) < 1e-9");
    assert_int_equal(collect("file.db"), 0);
    assert_int_equal(count("file.db", TABLES), 3);
    change("file.db", "UPDATE run SET status = 'done'");
    assert_int_equal(collect("file.db"), 3);
    assert_int_equal(count("file.db", TABLES), 0);
}

/* The run that keeps them may have to be continued. */
static void test_file_resumed(void **state)
{
    /* those of the training split, in both draws: made before the first step */
    static const char early[] = "SELECT sha256, created, path FROM artifact WHERE role LIKE "
                                "'teacher_table.%' ORDER BY created LIMIT 2";
    char file[300], override[320];
    const char *const all[] = {"teacher.experiment=", override, NULL};
    struct study_watch w = {.stop_at = 3};
    struct kp_study_result r;

    (void)state;
    copy_teacher(file, override);
    assert_int_equal(study_run(&fixture, "resumed.db", all, &w, &r), KP_E_INTERRUPTED);
    assert_int_equal(count("resumed.db", TABLES), 2);
    char *before = study_query(&fixture, "resumed.db", early);
    run_to_end("resumed.db", all, 1);
    char *after = study_query(&fixture, "resumed.db", early);
    assert_string_equal(before, after);
    assert_int_equal(count("resumed.db", SAID "%'"), 0);
    free(before);
    free(after);
}

/* The file is another one by the time that it is needed. */
static void test_file_changed(void **state)
{
    char file[300], override[320];
    struct kp_override list[] = {{.text = "teacher.experiment="}, {.text = override}};
    const struct kp_study_watcher nobody = {0};
    struct kp_study_result result;
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_text report = {0};
    struct kp_error e = {0};

    (void)state;
    copy_teacher(file, override);
    assert_int_equal(kp_store_open(study_path(&fixture, "changed.db"), &store, &e), KP_OK);
    assert_int_equal(kp_plan_make(study_path(&fixture, "students.ini"), list, 2, 0,
                                  &fixture.registry, store, &plan, &report),
                     KP_OK);
    spoil(file);
    assert_int_equal(kp_plan_execute(plan, &fixture.registry, store, &nobody, &result, &e), KP_OK);
    assert_int_equal(result.failed, 1);
    kp_plan_destroy(plan);
    assert_int_equal(kp_store_close(store, &e), KP_OK);
    kp_text_finish(&report);
}

/* Nothing half-written stays behind. */
static void test_tidy(void **state)
{
    char command[256];

    (void)state;
    (void)snprintf(command, sizeof(command), "! find '%s' -name '*.tmp-*' | grep .",
                   fixture.folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once),    cmocka_unit_test(test_found_is_made),
        cmocka_unit_test(test_damaged),      cmocka_unit_test(test_stale),
        cmocka_unit_test(test_gone),         cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_resumed), cmocka_unit_test(test_file_changed),
        cmocka_unit_test(test_tidy),
    };

    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
