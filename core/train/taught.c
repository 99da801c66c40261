/* taught.c - asks a teacher about lists of examples, and remembers what it said. */
#include "train/taught.h"

#include "train/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A list shorter than the split by more than this factor is not worth a table of the split. */
#define WHOLE_SPLIT 8

static bool tell(const struct kp_watcher *w, int64_t done, int64_t total)
{
    const struct kp_progress p = {.phase = KP_PHASE_TEACHER_TABLE,
                                  .step = done,
                                  .steps = total,
                                  .seconds_left = -1,
                                  .loss = (double)NAN};

    if (w->progress)
        w->progress(w->arg, &p);
    return !w->stop || !w->stop(w->arg);
}

enum kp_status kp_teacher_tabulate(const struct kp_teaching *w, enum kp_split split,
                                   const int64_t *index, int64_t count, bool flip, float *out,
                                   struct kp_error *e)
{
    const int64_t batch = w->teacher->program->capacity;
    const struct kp_loader_config config = {.data = w->data,
                                            .split = split,
                                            .index = index,
                                            .count = count,
                                            .batch = batch,
                                            .order = KP_ORDER_FIXED};
    struct kp_loader *loader = NULL;
    struct kp_draw *draw = calloc((size_t)batch, sizeof(*draw));
    enum kp_status st = draw ? kp_loader_create(&config, &loader, e)
                             : kp_fail(e, KP_E_NOMEM, "no memory for the teacher's table");

    for (int64_t i = 0; draw && i < batch; i++)
        draw[i].flip = flip;
    if (st == KP_OK)
        st = kp_loader_start(loader, 0, 0, e);
    for (int64_t done = 0; st == KP_OK && done < count;) {
        const struct kp_batch *b = NULL;

        st = kp_loader_next(loader, &b, e);
        if (st != KP_OK)
            break;
        struct kp_load load = kp_batch_load(w->data, b, NULL, NULL);

        load.draws = flip ? draw : NULL;
        st = kp_teacher_logits(w->teacher, &load, out + done * w->data->classes, e);
        done += b->rows;
        if (st == KP_OK && !tell(w->watcher, done, count))
            st = kp_fail(e, KP_E_INTERRUPTED, "stopped while the teacher was tabulated");
    }
    kp_loader_destroy(loader);
    free(draw);
    return st;
}

static enum kp_status make_room(int64_t count, int64_t classes, float **out, struct kp_error *e)
{
    *out = calloc((size_t)(count * classes), sizeof(float));
    return *out ? KP_OK
                : kp_fail(e, KP_E_NOMEM, "no memory for the teacher's logits of %lld examples",
                          (long long)count);
}

/* The table of a whole split: the one in memory, the one stored, or a new one that is stored. */
static enum kp_status whole_split(const struct kp_teaching *w, enum kp_split split, bool flip,
                                  const float **out, struct kp_error *e)
{
    const int64_t count = w->data->split[split].count;
    struct kp_teacher *t = w->teacher;
    struct kp_table_place place = {0};
    float *table = NULL;
    bool found = false;
    enum kp_status st = KP_OK;

    if (t->table[split][flip]) {
        *out = t->table[split][flip];
        return KP_OK;
    }
    st = make_room(count, w->data->classes, &table, e);
    if (st == KP_OK)
        st = kp_table_find(w, split, flip, &place, table, &found, e);
    if (st == KP_OK && !found)
        st = kp_teacher_tabulate(w, split, NULL, count, flip, table, e);
    if (st == KP_OK && !found)
        kp_table_keep(w, &place, count, table);
    if (st != KP_OK) {
        free(table);
        return st;
    }
    *out = t->table[split][flip] = table;
    return KP_OK;
}

enum kp_status kp_taught_make(const struct kp_teaching *w, enum kp_split split,
                              const int64_t *index, int64_t count, bool flips,
                              struct kp_taught *out, struct kp_error *e)
{
    struct kp_taught t = {.classes = w->data->classes};
    const bool whole = count * WHOLE_SPLIT >= w->data->split[split].count;
    enum kp_status st = KP_OK;

    t.row = whole ? index : NULL;
    for (int flip = 0; st == KP_OK && flip <= flips; flip++) {
        if (whole) {
            st = whole_split(w, split, flip != 0, &t.logits[flip], e);
            continue;
        }
        st = make_room(count, t.classes, &t.own[flip], e);
        if (st == KP_OK)
            st = kp_teacher_tabulate(w, split, index, count, flip != 0, t.own[flip], e);
        t.logits[flip] = t.own[flip];
    }
    if (st != KP_OK) {
        kp_taught_finish(&t);
        return st;
    }
    *out = t;
    return KP_OK;
}

void kp_taught_finish(struct kp_taught *t)
{
    free(t->own[0]);
    free(t->own[1]);
    *t = (struct kp_taught){0};
}
