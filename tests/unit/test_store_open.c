/* test_store_open.c - opening a run database: new, again, foreign, older, newer, not writable. */
#include "store_fixture.h"

#include "base/file.h"
#include "base/hash.h"
#include "store/opening.h"
#include "store/schema.h"

#include <fcntl.h>
#include <sys/wait.h>

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void expect_refused(const char *path, const char *message)
{
    struct kp_store *s = NULL;
    struct kp_text out = {0};
    struct kp_error e = {0};

    assert_int_equal(kp_store_open(path, &s, &e), KP_E_STORE);
    assert_null(s);
    assert_says(e, path);
    assert_says(e, message);
    memset(&e, 0, sizeof e);
    assert_int_equal(kp_query_run(path, "SELECT 1", KP_QUERY_CSV, &out, &e), KP_E_STORE);
    assert_says(e, path);
    assert_null(out.s);
}

static void test_new_and_again(void **state)
{
    struct stat info;
    char folder[320];

    (void)state;
    fixture_close(fixture_open());
    (void)snprintf(folder, sizeof folder, "%s.d", fixture_path);
    assert_int_equal(stat(folder, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    fixture_close(fixture_open());
    fixture_expect("SELECT application_id FROM pragma_application_id",
                   "application_id\n1262571600\n");
    fixture_expect("SELECT user_version FROM pragma_user_version", "user_version\n4\n");
    fixture_expect("SELECT journal_mode FROM pragma_journal_mode", "journal_mode\nwal\n");
    fixture_expect("SELECT count(*) AS n FROM event", "n\n0\n");
}

static void test_empty_file_is_new(void **state)
{
    (void)state;
    write_file(fixture_path, "");
    fixture_close(fixture_open());
    fixture_expect("SELECT count(*) AS n FROM run", "n\n0\n");
}

static void test_names_are_files(void **state)
{
    struct kp_store *s = NULL;
    struct kp_error e = {0};
    char here[512];

    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(fixture_folder), 0);
    assert_int_equal(kp_store_open("", &s, &e), KP_E_INVALID);
    assert_ok(kp_store_open(":memory:", &s, &e), e);
    assert_ok(kp_store_close(s, &e), e);
    assert_int_equal(access(":memory:", F_OK), 0);
    assert_ok(kp_store_open("file:x?mode=ro", &s, &e), e);
    assert_ok(kp_store_close(s, &e), e);
    assert_int_equal(access("file:x?mode=ro", F_OK), 0);
    assert_ok(kp_store_close(NULL, &e), e);
    assert_int_equal(chdir(here), 0);
}

static void test_foreign_files(void **state)
{
    char path[320], folder[330];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/other", fixture_folder);
    (void)snprintf(folder, sizeof folder, "%s.d", path);
    write_file(path, "This is a text, and long enough to hold the header of a database, "
                     "which is one hundred bytes long.\n");
    expect_refused(path, "is not a kappa run database");
    assert_int_not_equal(access(folder, F_OK), 0);
    assert_int_equal(remove(path), 0);
    run_sql(path, "CREATE TABLE t (x)");
    expect_refused(path, "is not a kappa run database");
    assert_int_not_equal(access(folder, F_OK), 0);
    expect_refused(fixture_folder, "is a folder");
}

static void test_other_versions(void **state)
{
    (void)state;
    fixture_close(fixture_open());
    run_sql(fixture_path, "PRAGMA user_version = 7");
    expect_refused(fixture_path, "has schema version 7");
    expect_refused(fixture_path, "versions up to 4");
    expect_refused(fixture_path, "update kappa");
    run_sql(fixture_path, "PRAGMA user_version = 0");
    expect_refused(fixture_path, "");
}

static void test_damaged_file(void **state)
{
    struct kp_store *s = NULL;
    struct kp_error e = {0};
    char junk[4096];

    (void)state;
    fixture_close(fixture_open());
    memset(junk, 0x5a, sizeof junk);
    int fd = open(fixture_path, O_WRONLY);
    assert_true(fd >= 0);
    for (int page = 1; page < 20; page++)
        assert_int_equal(pwrite(fd, junk, sizeof junk, page * 4096), sizeof junk);
    assert_int_equal(pwrite(fd, junk, 2000, 2000), 2000);
    assert_int_equal(close(fd), 0);
    assert_int_equal(kp_store_open(fixture_path, &s, &e), KP_E_STORE);
    assert_says(e, fixture_path);
}

/* As a user without rights: root may write everywhere. Returns its exit status. */
static int as_nobody(int (*fn)(void))
{
    pid_t pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        _exit(fn());
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int open_fails(void)
{
    struct kp_store *s = NULL;
    struct kp_error e = {0};

    if (kp_store_open(fixture_path, &s, &e) == KP_OK)
        return 1;
    (void)fprintf(stderr, "%s\n", e.text);
    return strstr(e.text, fixture_path) ? 0 : 2;
}

static int query_works(void)
{
    struct kp_text out = {0};
    struct kp_error e = {0};

    if (kp_query_run(fixture_path, "SELECT count(*) AS n FROM run", KP_QUERY_CSV, &out, &e) !=
        KP_OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    int differs = strcmp(out.s, "n\r\n0\r\n");
    kp_text_finish(&out);
    return differs != 0;
}

static void test_read_only_folder(void **state)
{
    (void)state;
    assert_int_equal(chmod(fixture_folder, 0555), 0);
    assert_int_equal(as_nobody(open_fails), 0);
    assert_int_equal(chmod(fixture_folder, 0755), 0);
    fixture_close(fixture_open());
    assert_int_equal(chmod(fixture_folder, 0555), 0);
    assert_int_equal(chmod(fixture_path, 0444), 0);
    assert_int_equal(as_nobody(open_fails), 0);
    assert_int_equal(as_nobody(query_works), 0);
    assert_int_equal(chmod(fixture_folder, 0755), 0);
}

static void test_network_types(void **state)
{
    (void)state;
    assert_true(kp_opening_is_network(0x6969));
    assert_true(kp_opening_is_network((long)0xff534d42));
    assert_true(kp_opening_is_network((long)(int)0xff534d42)); /* where long has 32 bits */
    assert_false(kp_opening_is_network(0xef53));               /* ext4 */
    assert_false(kp_opening_is_network(0x01021994));           /* tmpfs */
}

static void test_delete_journal(void **state)
{
    struct kp_database d = {0};
    struct kp_error e = {0};

    (void)state;
    fixture_close(fixture_open());
    assert_ok(kp_database_open_write(fixture_path, false, &d, &e), e);
    assert_false(d.wal);
    assert_ok(kp_database_begin(&d, false, &e), e);
    assert_true(d.durable);
    assert_ok(kp_database_end(&d, KP_OK, &e), e);
    kp_database_close(&d);
    fixture_expect("SELECT journal_mode FROM pragma_journal_mode", "journal_mode\ndelete\n");
    fixture_close(fixture_open());
}

static void test_migration(void **state)
{
    static const struct kp_migration steps[] = {
        {1, "CREATE TABLE new (id INTEGER PRIMARY KEY, v TEXT, w INTEGER DEFAULT 5);"
            "INSERT INTO new (id, v) SELECT id, v FROM t; DROP TABLE t;"
            "ALTER TABLE new RENAME TO t"},
        {2, "ALTER TABLE t ADD COLUMN x TEXT"},
        {3, "UPDATE t SET missing = 1"},
        {4, "INSERT INTO child VALUES (99)"},
        {0, NULL},
    };
    struct kp_database d = {0};
    struct kp_error e = {0};
    int64_t n = 0;
    bool found = false;
    char backup[330], next_backup[330];

    (void)state;
    (void)snprintf(backup, sizeof backup, "%s.backup-v1", fixture_path);
    (void)snprintf(next_backup, sizeof next_backup, "%s.backup-v3", fixture_path);
    run_sql(fixture_path,
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); PRAGMA user_version = 1;"
            "CREATE TABLE child (t INTEGER REFERENCES t (id));"
            "INSERT INTO t VALUES (7, 'seven'); INSERT INTO child VALUES (7)");
    assert_ok(kp_database_open_write(fixture_path, true, &d, &e), e);
    assert_ok(kp_schema_migrate(&d, steps, 1, 3, true, &e), e);
    assert_ok(kp_database_integer(&d, &e, &n, &found, "PRAGMA user_version", ""), e);
    assert_int_equal(n, 3);
    assert_ok(kp_database_integer(&d, &e, &n, &found, "SELECT w FROM t WHERE v = 'seven'", ""), e);
    assert_int_equal(n, 5);
    assert_ok(kp_database_integer(&d, &e, &n, &found, "PRAGMA foreign_keys", ""), e);
    assert_int_equal(n, 1);

    /* A step that fails changes nothing and leaves no copy behind. */
    assert_int_equal(kp_schema_migrate(&d, steps, 3, 4, true, &e), KP_E_STORE);
    assert_says(e, "version 3 to 4");
    assert_int_not_equal(access(next_backup, F_OK), 0);
    assert_int_equal(kp_schema_migrate(&d, steps, 4, 5, true, &e), KP_E_STORE);
    assert_says(e, "refer to rows");
    assert_int_equal(kp_schema_migrate(&d, steps, 3, 9, true, &e), KP_E_STORE);
    assert_says(e, "no way leads");
    assert_ok(kp_database_integer(&d, &e, &n, &found, "PRAGMA user_version", ""), e);
    assert_int_equal(n, 3);
    /* An older copy is not overwritten. */
    assert_int_equal(kp_schema_migrate(&d, steps, 1, 2, true, &e), KP_E_STORE);
    assert_says(e, "backup-v1");
    kp_database_close(&d);

    assert_ok(kp_database_open_read(backup, &d, &e), e);
    assert_ok(kp_database_integer(&d, &e, &n, &found, "PRAGMA user_version", ""), e);
    assert_int_equal(n, 1);
    assert_ok(kp_database_integer(&d, &e, &n, &found, "SELECT id FROM t", ""), e);
    assert_int_equal(n, 7);
    kp_database_close(&d);
}

/* A store that only finds: what it says is up to date, but the file and its folder stay as they
 * are. */
static void test_open_read(void **state)
{
    const struct fixture_run lt = {.objective = "lt", .kappa = 0.1, .tau = FIXTURE_NAN, .seed = 11};
    struct kp_store *s = fixture_open();
    struct kp_run_info info = {0};
    struct kp_error e = {0};
    char uid[KP_UID_SIZE], folder[320], lock[330];
    bool found = false;

    (void)state;
    assert_ok(fixture_begin(s, &lt, -1, uid, &e), e);
    fixture_close(s);
    run_sql(fixture_path, "UPDATE run SET status = 'running', pid_start = pid_start + 1");
    (void)snprintf(folder, sizeof folder, "%s.d", fixture_path);
    (void)snprintf(lock, sizeof lock, "%s/lock", folder);
    assert_int_equal(remove(lock), 0);
    assert_int_equal(remove(folder), 0);

    assert_ok(kp_store_open_read(fixture_path, &s, &e), e);
    assert_ok(kp_store_find_uid(s, uid, &info, &found, &e), e);
    assert_true(found);
    assert_int_equal(info.status, KP_RUN_LOST);
    fixture_close(s);
    assert_int_not_equal(access(folder, F_OK), 0);
    fixture_expect("SELECT status FROM run", "status\nrunning\n");

    s = NULL;
    run_sql(fixture_path, "PRAGMA user_version = 0");
    assert_int_equal(kp_store_open_read(fixture_path, &s, &e), KP_E_STORE);
    assert_says(e, "no way leads");
    assert_null(s);
}

/* Columns of tables and views, indexes, texts of views. */
static char *shape(void)
{
    return fixture_ask(
        "SELECT m.type, m.name, p.cid, p.name, p.type, p.pk, p.\"notnull\" FROM sqlite_schema m, "
        "pragma_table_info(m.name) p WHERE m.type IN ('table', 'view') UNION ALL "
        "SELECT type, name, NULL, tbl_name, iif(type = 'view', sql, NULL), NULL, NULL "
        "FROM sqlite_schema WHERE type <> 'table' ORDER BY 1, 2, 3");
}

static void make_old(void)
{
    uint8_t *sql = NULL;
    size_t size;
    struct kp_error e = {0};

    assert_ok(kp_file_read(KP_SOURCE_ROOT "/tests/support/schema-1.sql", 1 << 20, &sql, &size, &e),
              e);
    run_sql(fixture_path, (const char *)sql);
    free(sql);
}

/* A database of the first schema becomes one that only its rows tell from a new one. */
static void test_old_database(void **state)
{
    static const char ask[] = "SELECT name, objective, tau, n, lt_mean, pi_mean FROM v_pi";
    static const char answer[] = "name,objective,tau,n,lt_mean,pi_mean\nold,kd,20,1,50,3.5\n";
    char before[KP_HASH_SIZE], after[KP_HASH_SIZE], backup[330];
    struct kp_error e = {0};

    (void)state;
    fixture_close(fixture_open());
    char *want = shape();
    assert_int_equal(remove(fixture_path), 0);
    make_old();

    /* Read as it is: nothing is written. */
    assert_ok(kp_hash_file(fixture_path, before, &e), e);
    fixture_expect(ask, answer);
    char *read = shape();
    assert_string_equal(read, want);
    assert_ok(kp_hash_file(fixture_path, after, &e), e);
    assert_string_equal(after, before);

    /* Opened for writing: brought forward, after a copy. */
    fixture_close(fixture_open());
    char *got = shape();
    assert_string_equal(got, want);
    fixture_expect(ask, answer);
    fixture_expect("SELECT count(*), count(build), max(device), max(level) FROM attempt",
                   "count(*),count(build),max(device),max(level)\n4,0,cpu avx2,avx2\n");
    fixture_expect("SELECT run_a, estimator, kappa, n, coalesce(value, flag) AS v FROM pairwise",
                   "run_a,estimator,kappa,n,v\n1,\"\",1,100,100\n2,mean,0.1,100,81\n"
                   "3,mean,0.1,100,nan\n");
    (void)snprintf(backup, sizeof backup, "%s.backup-v1", fixture_path);
    assert_int_equal(access(backup, F_OK), 0);
    free(got);
    free(read);
    free(want);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_new_and_again),    TEST(test_empty_file_is_new), TEST(test_names_are_files),
        TEST(test_foreign_files),    TEST(test_other_versions),    TEST(test_damaged_file),
        TEST(test_read_only_folder), TEST(test_network_types),     TEST(test_delete_journal),
        TEST(test_migration),        TEST(test_open_read),         TEST(test_old_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
