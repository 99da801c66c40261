/* rerun.c - `kappa rerun`: makes a run again and says whether it is the same bit for bit. */
#include "app/agree.h"
#include "app/command.h"
#include "app/interrupt.h"
#include "app/output.h"
#include "app/parts.h"
#include "app/run_uid.h"
#include "app/setup.h"
#include "app/show_run.h"
#include "app/watch.h"
#include "base/file.h"
#include "store/merge.h"
#include "store/reader.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the database says of the run. */
struct recorded {
    char uid[KP_UID_SIZE];
    char hash[KP_HASH_SIZE];
    char teacher[KP_UID_SIZE], init[KP_UID_SIZE]; /* runs that gave weights; "": none */
};

struct scratch {
    char *folder, *database, *ini;
};

static void finish_scratch(struct scratch *s)
{
    free(s->folder);
    free(s->database);
    free(s->ini);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static enum kp_status make_scratch(struct scratch *out, struct kp_error *e)
{
    const char *tmp = getenv("TMPDIR");

    out->folder = kp_path_join(tmp && *tmp ? tmp : "/tmp", "kappa-rerun-XXXXXX");
    if (out->folder && !mkdtemp(out->folder))
        return kp_fail(e, KP_E_IO, "%s: no folder for the scratch database: %s", out->folder,
                       strerror(errno));
    out->database = out->folder ? kp_path_join(out->folder, "kappa.db") : NULL;
    out->ini = out->folder ? kp_path_join(out->folder, "run.ini") : NULL;
    return out->database && out->ini ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
}

static void copy_field(const struct kp_rowset *r, int column, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", kp_rowset_field(r, 0, column)->text);
}

static int read_recorded(const char *database, struct recorded *out)
{
    static const char sql[] =
        "SELECT r.kind, r.status, r.config_hash, t.uid, (SELECT text FROM param WHERE run = r.id "
        "AND key = 'init.uid') FROM run r LEFT JOIN run t ON t.id = r.teacher_run WHERE r.uid = :a";
    struct kp_reader *reader = NULL;
    struct kp_rowset rows = {0};
    struct kp_text text = {0};
    struct kp_error e = {0};
    int code = KP_EXIT_USAGE;
    enum kp_status st = kp_reader_open(database, &reader, &e);

    kp_part_sql(sql, out->uid, NULL, &text);
    if (st == KP_OK)
        st = text.failed ? kp_fail(&e, KP_E_NOMEM, "out of memory")
                         : kp_reader_rows(reader, text.s, &rows, NULL, &e);
    if (st != KP_OK) {
        code = kp_say_error(&e);
    } else if (strcmp(kp_rowset_field(&rows, 0, 0)->text, "train") != 0) {
        kp_say("%s: is no training (%s); only trainings are made again", out->uid,
               kp_rowset_field(&rows, 0, 0)->text);
    } else if (strcmp(kp_rowset_field(&rows, 0, 1)->text, "done") != 0) {
        kp_say("%s: is not done (%s); there is nothing to compare with", out->uid,
               kp_rowset_field(&rows, 0, 1)->text);
    } else {
        copy_field(&rows, 2, out->hash, sizeof(out->hash));
        copy_field(&rows, 3, out->teacher, sizeof(out->teacher));
        copy_field(&rows, 4, out->init, sizeof(out->init));
        code = KP_EXIT_DONE;
    }
    kp_rowset_finish(&rows);
    kp_text_finish(&text);
    kp_reader_close(reader);
    return code;
}

static bool begins(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* The stored configuration without its analyses, and with the recorded runs in place of the
 * experiments that teacher and initial weights came from: those may have changed since. */
static void rewrite(const char *ini, const struct recorded *r, struct kp_text *out)
{
    const char *run = "";
    bool skip = false;

    while (*ini) {
        size_t n = strcspn(ini, "\n") + (ini[strcspn(ini, "\n")] == '\n');
        if (*ini == '[') {
            skip = begins(ini, "[analysis.");
            run = begins(ini, "[teacher]") ? r->teacher : begins(ini, "[init]") ? r->init : "";
        }
        if (*run && (begins(ini, "experiment = ") || begins(ini, "run = ")))
            kp_text_addf(out, "run = %s\n", run);
        else if (!skip)
            kp_text_add_bytes(out, ini, n);
        ini += n;
    }
}

static enum kp_status write_ini(const char *database, const struct recorded *r, const char *path,
                                struct kp_error *e)
{
    struct kp_text stored = {0}, text = {0};
    struct kp_replace file = {0};
    enum kp_status st = kp_run_ini(database, r->uid, &stored, e);

    if (st == KP_OK)
        rewrite(stored.s ? stored.s : "", r, &text);
    if (st == KP_OK && (stored.failed || text.failed))
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    if (st == KP_OK)
        st = kp_replace_begin(path, &file, e);
    if (st == KP_OK) {
        kp_replace_write(&file, text.s ? text.s : "", text.length);
        st = kp_replace_commit(&file, e);
    }
    kp_text_finish(&stored);
    kp_text_finish(&text);
    return st;
}

/* The run of the plan with the recorded hash; NULL, and said, if there is none. */
static const struct kp_planned *find_planned(const struct kp_plan *p, const struct recorded *r)
{
    for (int64_t i = 0; i < p->count; i++)
        if (strcmp(p->runs[i].hashes.config, r->hash) == 0)
            return &p->runs[i];
    kp_say("%s: its configuration gives another hash here (%.12s..., recorded %.12s...): a setting "
           "was changed, or this kappa has settings that the recording one had not",
           r->uid, p->runs[p->count - 1].hashes.config, r->hash);
    return NULL;
}

/* Train it. *uid is its name in the scratch database. */
static int train(const struct kp_arguments *a, const struct recorded *r, const struct scratch *s,
                 struct kp_registry *registry, struct kp_store *store, char uid[KP_UID_SIZE])
{
    struct kp_arguments planned = *a;
    char *path[] = {s->ini, NULL};
    struct kp_plan *plan = NULL;
    struct kp_watch watch;
    struct kp_study_result result = {0};
    struct kp_error e = {0};

    planned.v = path;
    int code = kp_setup_plan(&planned, registry, store, &plan);
    const struct kp_planned *run = code == KP_EXIT_DONE ? find_planned(plan, r) : NULL;
    if (code == KP_EXIT_DONE && !run)
        code = KP_EXIT_FAILED;
    if (code == KP_EXIT_DONE && !kp_watch_init(&watch, plan, s->database, a->quiet)) {
        kp_say("out of memory");
        code = KP_EXIT_FAILED;
    } else if (code == KP_EXIT_DONE) {
        struct kp_study_watcher watcher = kp_watch_watcher(&watch);

        kp_interrupt_catch();
        enum kp_status st = kp_plan_execute(plan, registry, store, &watcher, &result, &e);
        kp_display_clear(&watch.display);
        if (st != KP_OK)
            code = kp_say_error(&e);
        else if (result.failed + result.skipped > 0)
            code = KP_EXIT_FAILED;
        kp_watch_finish(&watch);
    }
    if (code == KP_EXIT_DONE)
        (void)snprintf(uid, KP_UID_SIZE, "%s", run->uid);
    kp_plan_destroy(plan);
    return code;
}

/* In a scratch database that has the runs that it was made with. */
static int make_again(const struct kp_arguments *a, const struct recorded *r,
                      const struct scratch *s, char uid[KP_UID_SIZE])
{
    struct kp_registry registry = {0};
    struct kp_store *store = NULL;
    struct kp_merge_counts counts;
    struct kp_text notes = {0};
    struct kp_error e = {0};
    int code = kp_setup_registry(&registry);

    if (code == KP_EXIT_DONE && write_ini(a->db, r, s->ini, &e) != KP_OK)
        code = kp_say_error(&e);
    if (code == KP_EXIT_DONE)
        code = kp_setup_store(s->database, KP_SETUP_MAKE, &store);
    if (code == KP_EXIT_DONE &&
        kp_store_merge_needed(store, a->db, r->uid, &counts, &notes, &e) != KP_OK)
        code = kp_say_error(&e);
    if (code == KP_EXIT_DONE)
        code = train(a, r, s, &registry, store, uid);
    if (store && kp_store_close(store, &e) != KP_OK)
        code = kp_say_error(&e);
    kp_text_finish(&notes);
    kp_registry_finish(&registry);
    return code;
}

static int compare(const struct kp_arguments *a, const struct recorded *r, const struct scratch *s,
                   const char *uid)
{
    const struct kp_agree_run recorded = {a->db, r->uid}, again = {s->database, uid};
    struct kp_error e = {0};
    bool equal = false;

    if (kp_agree_print(&recorded, &again, &equal, &e) != KP_OK)
        return kp_say_error(&e);
    if (equal) {
        (void)printf("run %s: made again, bit for bit the same\n", r->uid);
        return KP_EXIT_DONE;
    }
    (void)printf("run %s: made again, NOT the same; the new one is in %s\n", r->uid, s->database);
    return KP_EXIT_FAILED;
}

static int command_rerun(const struct kp_arguments *a)
{
    struct recorded recorded = {0};
    struct scratch scratch = {0};
    struct kp_error e = {0};
    char uid[KP_UID_SIZE] = "";
    int code = kp_run_uid(a->db, a->v[0], recorded.uid);

    if (code == KP_EXIT_DONE)
        code = read_recorded(a->db, &recorded);
    if (code != KP_EXIT_DONE)
        return code;
    if (make_scratch(&scratch, &e) != KP_OK)
        code = kp_say_error(&e);
    if (code == KP_EXIT_DONE)
        code = make_again(a, &recorded, &scratch, uid);
    bool made = code == KP_EXIT_DONE;
    if (made)
        code = compare(a, &recorded, &scratch, uid);
    /* A run that differs is kept for a closer look. */
    if (scratch.folder && (!made || code == KP_EXIT_DONE))
        (void)nftw(scratch.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    finish_scratch(&scratch);
    return code;
}

const struct kp_command kp_command_rerun = {
    .name = "rerun",
    .summary = "make a finished training again and say whether it is bit for bit the same",
    .synopsis = "RUN [OPTION]...",
    .details =
        "RUN is a uid or the beginning of one. Its stored configuration is trained again in a\n"
        "scratch database, with the recorded weights of its teacher; analyses are left out.\n"
        "Weights, results and curves are compared; where they differ, it is shown what differs in\n"
        "the making: program, versions, processor level, plugins, examples. --set may give\n"
        "settings that change no weights, such as data.root or run.threads. Exit status 1: it is\n"
        "not the same.\n",
    .example = "  kappa rerun 01JD3 --db kappa.db\n",
    .flags = KP_FLAG_SET | KP_FLAG_DB | KP_FLAG_THREADS | KP_FLAG_QUIET,
    .least = 1,
    .most = 1,
    .run = command_rerun,
};
