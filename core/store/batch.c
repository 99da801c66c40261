/* batch.c - points, progress and events on their way to the database. */
#include "store/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct point {
    char uid[KP_UID_SIZE];
    int64_t key, step;
    double value;
    int64_t samples;
    double flops, time;
};

struct progress {
    char uid[KP_UID_SIZE];
    int64_t step, steps, samples;
    double time;
};

struct event {
    char uid[KP_UID_SIZE]; /* "": of the database */
    char *kind, *text;
    double time;
};

struct kp_batch {
    struct point *points;
    struct progress *progress;
    struct event *events;
    int64_t point_count, point_capacity;
    int64_t progress_count, progress_capacity;
    int64_t event_count, event_capacity;
};

/* Room for one more element. */
static bool grow(void **v, int64_t count, int64_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    int64_t wanted = 2 * *capacity;
    void *more = realloc(*v, (size_t)wanted * size);
    if (!more)
        return false;
    *v = more;
    *capacity = wanted;
    return true;
}

struct kp_batch *kp_batch_create(void)
{
    struct kp_batch *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->point_capacity = 4096;
    b->progress_capacity = 256;
    b->event_capacity = 64;
    b->points = calloc((size_t)b->point_capacity, sizeof *b->points);
    b->progress = calloc((size_t)b->progress_capacity, sizeof *b->progress);
    b->events = calloc((size_t)b->event_capacity, sizeof *b->events);
    if (!b->points || !b->progress || !b->events) {
        kp_batch_destroy(b);
        return NULL;
    }
    return b;
}

void kp_batch_clear(struct kp_batch *b)
{
    for (int64_t i = 0; i < b->event_count; i++) {
        free(b->events[i].kind);
        free(b->events[i].text);
    }
    b->point_count = 0;
    b->progress_count = 0;
    b->event_count = 0;
}

void kp_batch_destroy(struct kp_batch *b)
{
    if (!b)
        return;
    kp_batch_clear(b);
    free(b->points);
    free(b->progress);
    free(b->events);
    free(b);
}

bool kp_batch_empty(const struct kp_batch *b)
{
    return b->point_count + b->progress_count + b->event_count == 0;
}

int64_t kp_batch_entries(const struct kp_batch *b)
{
    return b->point_count + b->event_count;
}

static void copy_uid(char out[KP_UID_SIZE], const char *uid)
{
    (void)snprintf(out, KP_UID_SIZE, "%s", uid ? uid : "");
}

bool kp_batch_point(struct kp_batch *b, const char *uid, int64_t key, const struct kp_point *p,
                    double time)
{
    void *v = b->points;

    if (!grow(&v, b->point_count, &b->point_capacity, sizeof *b->points))
        return false;
    b->points = v;
    struct point *to = &b->points[b->point_count++];
    *to = (struct point){.key = key,
                         .step = p->step,
                         .value = p->value,
                         .samples = p->samples,
                         .flops = p->flops,
                         .time = time};
    copy_uid(to->uid, uid);
    return true;
}

bool kp_batch_event(struct kp_batch *b, const char *uid, const char *kind, const char *text,
                    double time)
{
    void *v = b->events;

    if (!grow(&v, b->event_count, &b->event_capacity, sizeof *b->events))
        return false;
    b->events = v;
    struct event n = {.kind = strdup(kind), .text = strdup(text), .time = time};
    if (!n.kind || !n.text) {
        free(n.kind);
        free(n.text);
        return false;
    }
    copy_uid(n.uid, uid);
    b->events[b->event_count++] = n;
    return true;
}

void kp_batch_progress(struct kp_batch *b, const char *uid, int64_t step, int64_t steps,
                       int64_t samples, double time)
{
    int64_t i = 0;
    void *v = b->progress;

    while (i < b->progress_count && strcmp(b->progress[i].uid, uid) != 0)
        i++;
    if (i == b->progress_count) {
        if (!grow(&v, i, &b->progress_capacity, sizeof *b->progress))
            return;
        b->progress = v;
        b->progress_count++;
    }
    b->progress[i] =
        (struct progress){.step = step, .steps = steps, .samples = samples, .time = time};
    copy_uid(b->progress[i].uid, uid);
}

static enum kp_status write_points(const struct kp_batch *b, struct kp_database *d,
                                   struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    enum kp_status st = kp_database_prepare(
        d,
        "INSERT OR REPLACE INTO point (step, value, flag, samples, flops, time, run, key) "
        "SELECT ?, ?, ?, ?, ?, ?, r.id, k.id FROM run r, metric_key k WHERE r.uid = ? AND k.id = ?",
        &s, e);

    for (int64_t i = 0; st == KP_OK && i < b->point_count; i++) {
        const struct point *p = &b->points[i];
        kp_database_bind(s, "ivirrti", p->step, p->value, p->samples, p->flops, p->time, p->uid,
                         p->key);
        st = kp_database_put(d, s, e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

static enum kp_status write_progress(const struct kp_batch *b, struct kp_database *d,
                                     const struct kp_process *self, struct kp_error *e)
{
    sqlite3_stmt *s = NULL;
    enum kp_status st = kp_database_prepare(
        d,
        "UPDATE run SET step = ?, steps = ?, samples = ?, heartbeat = ? WHERE uid = ? AND "
        "status = 'running' AND host = ? AND boot = ? AND pid = ? AND pid_start = ?",
        &s, e);

    for (int64_t i = 0; st == KP_OK && i < b->progress_count; i++) {
        const struct progress *p = &b->progress[i];
        kp_database_bind(s, "iiirtttii", p->step, p->steps, p->samples, p->time, p->uid, self->host,
                         self->boot, self->pid, self->started);
        st = kp_database_put(d, s, e);
    }
    (void)sqlite3_finalize(s);
    return st;
}

static enum kp_status write_events(const struct kp_batch *b, struct kp_database *d,
                                   struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < b->event_count; i++) {
        const struct event *v = &b->events[i];
        st = kp_database_exec(d, e,
                              "INSERT INTO event (run, time, kind, text) VALUES ((SELECT id FROM "
                              "run WHERE uid = ?), ?, ?, ?)",
                              "trtt", v->uid, v->time, v->kind, v->text);
    }
    return st;
}

enum kp_status kp_batch_write(const struct kp_batch *b, struct kp_database *d,
                              const struct kp_process *self, struct kp_error *e)
{
    enum kp_status st = write_points(b, d, e);

    if (st == KP_OK)
        st = write_progress(b, d, self, e);
    if (st == KP_OK)
        st = write_events(b, d, e);
    return st;
}
