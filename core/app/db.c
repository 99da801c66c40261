/* db.c - `kappa db`: joining, checking and cleaning run databases. */
#include "app/command.h"
#include "app/output.h"
#include "app/setup.h"
#include "store/merge.h"
#include "store/upkeep.h"

#include <string.h>

#define MIB 1048576.0

/* Close a store after work that may have failed; the first error counts. */
static enum kp_status close_store(struct kp_store *s, enum kp_status st, struct kp_error *e)
{
    struct kp_error closing = {0};

    if (kp_store_close(s, &closing) != KP_OK && st == KP_OK) {
        *e = closing;
        st = closing.status;
    }
    return st;
}

static enum kp_status merge_one(const struct kp_arguments *a, struct kp_store *into,
                                const char *from, struct kp_error *e)
{
    struct kp_merge_counts c;
    struct kp_text notes = {0};
    enum kp_status st = kp_store_merge(into, from, a->only, &c, &notes, e);

    kp_say_lines(notes.s);
    kp_text_finish(&notes);
    if (!a->quiet && c.runs > 0)
        (void)printf(
            "%s: %lld runs: %lld added, %lld known, %lld brought further, %lld kept beside "
            "another, %lld left out; %lld files copied\n",
            from, (long long)c.runs, (long long)c.added, (long long)c.known, (long long)c.advanced,
            (long long)c.both, (long long)c.left, (long long)c.files);
    return st;
}

/* Is it a run database? Asked of all sources before anything is made. */
static enum kp_status check_source(const char *path, struct kp_error *e)
{
    struct kp_store *s = NULL;
    enum kp_status st = kp_store_open_read(path, &s, e);

    return close_store(s, st, e);
}

static int db_merge(const struct kp_arguments *a)
{
    struct kp_store *into = NULL;
    struct kp_error e = {0};
    enum kp_status st = KP_OK;

    if (a->count < 3) {
        kp_say("db merge: too few arguments; usage: kappa db merge INTO.db FROM.db...");
        return KP_EXIT_USAGE;
    }
    for (int i = 2; st == KP_OK && i < a->count; i++)
        st = check_source(a->v[i], &e);
    if (st == KP_OK)
        st = kp_store_open(a->v[1], &into, &e);
    for (int i = 2; st == KP_OK && i < a->count; i++)
        st = merge_one(a, into, a->v[i], &e);
    st = close_store(into, st, &e);
    return st == KP_OK ? KP_EXIT_DONE : (int)kp_say_error(&e);
}

/* The database of `check` and `gc`: the argument, or --db. */
static const char *database_of(const struct kp_arguments *a)
{
    return a->count > 1 ? a->v[1] : a->db;
}

static int db_check(const struct kp_arguments *a)
{
    const char *path = database_of(a);
    struct kp_store *s = NULL;
    struct kp_check_counts c = {0};
    struct kp_text notes = {0};
    struct kp_error e = {0};
    enum kp_status st = kp_store_open_read(path, &s, &e);

    if (st == KP_OK)
        st = kp_store_check(s, &c, &notes, &e);
    st = close_store(s, st, &e);
    kp_say_lines(notes.s);
    kp_text_finish(&notes);
    if (st != KP_OK)
        return (int)kp_say_error(&e);
    if (!a->quiet) {
        (void)printf("%s: %lld runs, %lld artifacts of %.1f MiB: %lld problem%s\n", path,
                     (long long)c.runs, (long long)c.artifacts, (double)c.bytes / MIB,
                     (long long)c.problems, c.problems == 1 ? "" : "s");
        if (c.strays > 0)
            (void)printf(
                "%lld files of %.1f MiB that nothing refers to; kappa db gc removes them\n",
                (long long)c.strays, (double)c.stray_bytes / MIB);
    }
    return c.problems > 0 ? KP_EXIT_FAILED : KP_EXIT_DONE;
}

static int db_gc(const struct kp_arguments *a)
{
    const char *path = database_of(a);
    struct kp_store *s = NULL;
    struct kp_gc_counts c = {0};
    struct kp_text notes = {0};
    struct kp_error e = {0};
    int code = kp_setup_store(path, KP_SETUP_WRITE, &s);

    if (code != KP_EXIT_DONE)
        return code;
    if (!s) {
        kp_say("%s: there is no such database", path);
        return KP_EXIT_USAGE;
    }
    enum kp_status st = kp_store_gc(s, a->dry_run, &c, &notes, &e);
    st = close_store(s, st, &e);
    if (!a->quiet) {
        if (notes.s)
            (void)fputs(notes.s, stdout);
        (void)printf("%s %lld files, %.1f MiB\n", a->dry_run ? "would remove" : "removed",
                     (long long)c.files, (double)c.bytes / MIB);
    }
    kp_text_finish(&notes);
    return st == KP_OK ? KP_EXIT_DONE : (int)kp_say_error(&e);
}

static const struct {
    const char *name;
    int most; /* arguments, itself included */
    int (*run)(const struct kp_arguments *a);
} parts[] = {{"merge", 1 << 20, db_merge}, {"check", 2, db_check}, {"gc", 2, db_gc}};

static int command_db(const struct kp_arguments *a)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, a->v[0]) != 0)
            continue;
        if (a->count <= parts[i].most)
            return parts[i].run(a);
        kp_say("db %s: too many arguments; one database", a->v[0]);
        return KP_EXIT_USAGE;
    }
    kp_say("db: no '%s'; merge, check or gc", a->v[0]);
    return KP_EXIT_USAGE;
}

const struct kp_command kp_command_db = {
    .name = "db",
    .summary = "join, check or clean run databases",
    .synopsis = "merge [--only HASH,...] INTO.db FROM.db... | check [FILE] | gc [--dry-run] [FILE]",
    .details =
        "merge  adds the runs of the databases FROM to INTO, which is made if absent, and copies\n"
        "       their artifacts. Runs that INTO has already are not added again; two finished "
        "runs\n"
        "       of one configuration with different results are both kept, and named.\n"
        "check  looks for damage: SQLite's own check, artifacts that are missing or do not have\n"
        "       their recorded hash, finished runs without weights. Writes nothing; status 1 if\n"
        "       there are problems.\n"
        "gc     removes files that nothing refers to: what nobody recorded, checkpoints of "
        "finished\n"
        "       runs, tables of teachers that no unfinished run uses. Weights stay.\n",
    .example = "  kappa db merge all.db machine1.db machine2.db\n  kappa db gc --dry-run all.db\n",
    .flags = KP_FLAG_DB | KP_FLAG_ONLY | KP_FLAG_DRY_RUN | KP_FLAG_QUIET,
    .least = 1,
    .most = 1 << 20,
    .run = command_db,
};
