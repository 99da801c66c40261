/* store.c - the run database as a whole: open, close, metrics, what is queued, sweeps. */
#include "store/store.h"

#include "base/clock.h"
#include "base/file.h"
#include "store/opening.h"
#include "store/state.h"

#include <stdlib.h>
#include <string.h>

#define EXPERIMENT_LIMIT (1 << 20)

static enum kp_status note_network(struct kp_store *s, struct kp_error *e)
{
    static const char text[] = "on a network file system: journal_mode = DELETE, so that readers "
                               "and writers wait for each other; a local disk is faster";
    struct kp_text warning = {0};
    int64_t one;
    bool known = false;
    enum kp_status st = kp_database_integer(&s->database, e, &one, &known,
                                            "SELECT 1 FROM event WHERE kind = 'journal'", "");

    if (st == KP_OK && !known)
        st = kp_database_exec(&s->database, e,
                              "INSERT INTO event (time, kind, text) VALUES (?, 'journal', ?)", "rt",
                              kp_clock_wall(), text);
    kp_text_addf(&warning, "%s is %s", s->path, text);
    s->warning = warning.s;
    return st;
}

/* A database that was moved or copied without its files: one stands for all. */
static enum kp_status note_moved(struct kp_store *s, struct kp_error *e)
{
    struct kp_text warning = {0};
    sqlite3_stmt *q = NULL;
    char *path = NULL;
    bool row = false;
    enum kp_status st = kp_database_prepare(
        &s->database, "SELECT path FROM artifact WHERE role = 'model' ORDER BY run DESC LIMIT 1",
        &q, e);

    if (st == KP_OK)
        st = kp_database_next(&s->database, q, &row, e);
    if (st == KP_OK && row && !(path = kp_path_join(s->folder, kp_database_text(q, 0))))
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", s->path);
    (void)sqlite3_finalize(q);
    if (path && !kp_file_exists(path)) {
        kp_text_addf(&warning,
                     "%s is not there, though %s records it: the folder %s belongs to the database "
                     "and is moved with it; 'kappa db check' names all that is missing",
                     path, s->path, s->folder);
        free(s->warning);
        s->warning = warning.s;
    }
    free(path);
    return st;
}

static void destroy(struct kp_store *s)
{
    kp_database_close(&s->database);
    for (int64_t i = 0; i < s->key_count; i++)
        free(s->keys[i].name);
    free(s->keys);
    free(s->warning);
    free(s->folder);
    free(s->path);
    (void)pthread_mutex_destroy(&s->key_lock);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* A store with its names and locks, not open yet. */
static enum kp_status make(const char *path, struct kp_store **out, struct kp_error *e)
{
    struct kp_store *s = calloc(1, sizeof *s);
    struct kp_text folder = {0};
    enum kp_status st = KP_OK;

    if (!s)
        return kp_fail(e, KP_E_NOMEM, "%s: out of memory", path);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->key_lock, NULL);
    kp_process_self(&s->self);
    s->path = strdup(path);
    kp_text_addf(&folder, "%s.d", path);
    s->folder = folder.s;

    if (!*path)
        st = kp_fail(e, KP_E_INVALID, "the name of the database is empty");
    else if (!s->path || folder.failed)
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", path);
    if (st == KP_OK)
        *out = s;
    else
        destroy(s);
    return st;
}

enum kp_status kp_store_open(const char *path, struct kp_store **out, struct kp_error *e)
{
    struct kp_store *s = NULL;
    bool network = false;
    enum kp_status st = make(path, &s, e);

    if (st != KP_OK)
        return st;
    st = kp_opening_check(path, e);
    if (st == KP_OK && kp_folder_make(s->folder, e) != KP_OK)
        st = kp_fail_in(e, "%s: no place for a run database", path);
    if (st == KP_OK)
        st = kp_opening_run(path, s->folder, &s->self, &s->database, &network, e);
    if (st == KP_OK && network)
        st = note_network(s, e);
    if (st == KP_OK)
        st = note_moved(s, e);
    if (st == KP_OK)
        st = kp_writer_create(&s->database, &s->lock, &s->self, &s->writer, e);
    if (st == KP_OK)
        *out = s;
    else
        destroy(s);
    return st;
}

enum kp_status kp_store_open_read(const char *path, struct kp_store **out, struct kp_error *e)
{
    struct kp_store *s = NULL;
    enum kp_status st = make(path, &s, e);

    if (st != KP_OK)
        return st;
    st = kp_opening_read(path, &s->database, e);
    if (st == KP_OK)
        *out = s;
    else
        destroy(s);
    return st;
}

enum kp_status kp_store_close(struct kp_store *s, struct kp_error *e)
{
    if (!s)
        return KP_OK;
    enum kp_status st = kp_writer_destroy(s->writer, e);
    destroy(s);
    return st;
}

const char *kp_store_path(const struct kp_store *s)
{
    return s->path;
}

const char *kp_store_warning(const struct kp_store *s)
{
    return s->warning;
}

char *kp_store_run_folder(struct kp_store *s, const char *uid, struct kp_error *e)
{
    char *folder = kp_path_join(s->folder, uid);

    if (!folder) {
        (void)kp_fail(e, KP_E_NOMEM, "%s: out of memory", s->folder);
        return NULL;
    }
    if (kp_folder_make(folder, e) != KP_OK) {
        free(folder);
        return NULL;
    }
    return folder;
}

bool kp_store_key_id(struct kp_store *s, const char *name, int64_t *id)
{
    bool found = false;

    (void)pthread_mutex_lock(&s->key_lock);
    for (int64_t i = 0; i < s->key_count && !found; i++) {
        if (strcmp(s->keys[i].name, name) == 0) {
            *id = s->keys[i].id;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&s->key_lock);
    return found;
}

static enum kp_status remember_key(struct kp_store *s, const char *name, int64_t id,
                                   struct kp_error *e)
{
    enum kp_status st = KP_OK;
    char *copy = strdup(name);

    (void)pthread_mutex_lock(&s->key_lock);
    if (copy && s->key_count == s->key_capacity) {
        int64_t capacity = s->key_capacity ? 2 * s->key_capacity : 32;
        void *more = realloc(s->keys, (size_t)capacity * sizeof *s->keys);
        if (more) {
            s->keys = more;
            s->key_capacity = capacity;
        }
    }
    if (!copy || s->key_count == s->key_capacity) {
        st = kp_fail(e, KP_E_NOMEM, "%s: out of memory", s->path);
        free(copy);
    } else {
        s->keys[s->key_count++] = (struct kp_store_key){copy, id};
    }
    (void)pthread_mutex_unlock(&s->key_lock);
    return st;
}

/* With the write lock held: the row of the key, made if absent, the same in unit and direction. */
static enum kp_status settle_key(struct kp_store *s, const struct kp_metric_key *key, int64_t *id,
                                 struct kp_error *e)
{
    struct kp_database *d = &s->database;
    bool same = false;
    enum kp_status st =
        kp_database_exec(d, e,
                         "INSERT INTO metric_key (name, unit, higher_is_better) VALUES (?, ?, ?) "
                         "ON CONFLICT (name) DO NOTHING",
                         "tti", key->name, key->unit, (int64_t)key->higher_is_better);

    if (st == KP_OK)
        st = kp_database_integer(
            d, e, id, &same,
            "SELECT id FROM metric_key WHERE name = ? AND unit = ? AND higher_is_better = ?", "tti",
            key->name, key->unit, (int64_t)key->higher_is_better);
    if (st == KP_OK && !same)
        st = kp_fail(e, KP_E_STORE,
                     "%s: metric '%s' is recorded there with another unit than '%s', or as better "
                     "in the other direction; give the new one another name",
                     s->path, key->name, key->unit);
    return st;
}

enum kp_status kp_store_metric(struct kp_store *s, const struct kp_metric_key *key,
                               struct kp_error *e)
{
    int64_t id = 0;
    bool known = false;
    enum kp_status st;

    if (kp_store_key_id(s, key->name, &id))
        return KP_OK;
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_integer(
        &s->database, e, &id, &known,
        "SELECT id FROM metric_key WHERE name = ? AND unit = ? AND higher_is_better = ?", "tti",
        key->name, key->unit, (int64_t)key->higher_is_better);
    if (st == KP_OK && !known) {
        st = kp_database_begin(&s->database, true, e);
        if (st == KP_OK)
            st = kp_database_end(&s->database, settle_key(s, key, &id, e), e);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return st == KP_OK ? remember_key(s, key->name, id, e) : st;
}

void kp_store_point(struct kp_store *s, const char *uid, const struct kp_point *p)
{
    int64_t key = 0;
    bool known = kp_store_key_id(s, p->key, &key);

    KP_ASSERT(known);
    kp_writer_point(s->writer, uid, key, p);
}

void kp_store_progress(struct kp_store *s, const char *uid, int64_t step, int64_t steps,
                       int64_t samples)
{
    kp_writer_progress(s->writer, uid, step, steps, samples);
}

void kp_store_event(struct kp_store *s, const char *uid, const char *kind, const char *text)
{
    kp_writer_event(s->writer, uid, kind, text);
}

enum kp_status kp_store_flush(struct kp_store *s, struct kp_error *e)
{
    return kp_writer_flush(s->writer, e);
}

static enum kp_status write_sweep(struct kp_database *d, const char *experiment, const char *text,
                                  const char *sha256, const char *const *uids, int64_t count,
                                  struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    int64_t sweep = 0;
    bool found = false;
    enum kp_status st = kp_database_exec(
        d, e,
        "INSERT INTO sweep (experiment, sha256, text, created) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (experiment, sha256) DO NOTHING",
        "tttr", experiment, sha256, text, kp_clock_wall());

    if (st == KP_OK)
        st = kp_database_integer(d, e, &sweep, &found,
                                 "SELECT id FROM sweep WHERE experiment = ? AND sha256 = ?", "tt",
                                 experiment, sha256);
    if (st == KP_OK)
        st = kp_database_prepare(d,
                                 "INSERT OR IGNORE INTO sweep_run (sweep, run) "
                                 "SELECT ?, id FROM run WHERE uid = ?",
                                 &s, e);
    for (int64_t i = 0; st == KP_OK && i < count; i++) {
        kp_database_bind(s, "it", sweep, uids[i]);
        st = kp_database_put(d, s, e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

enum kp_status kp_store_sweep(struct kp_store *s, const char *experiment, const char *const *uids,
                              int64_t count, struct kp_error *e)
{
    uint8_t *text = NULL;
    size_t size = 0;
    char sha256[KP_HASH_SIZE];
    enum kp_status st = kp_file_read(experiment, EXPERIMENT_LIMIT, &text, &size, e);

    if (st != KP_OK)
        return st;
    kp_hash_bytes(text, size, sha256);
    (void)pthread_mutex_lock(&s->lock);
    st = kp_database_begin(&s->database, true, e);
    if (st == KP_OK)
        st = kp_database_end(
            &s->database,
            write_sweep(&s->database, experiment, (const char *)text, sha256, uids, count, e), e);
    (void)pthread_mutex_unlock(&s->lock);
    free(text);
    return st;
}
