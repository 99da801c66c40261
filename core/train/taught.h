/* taught.h - a teacher's logits for a list of examples, computed once. */
#ifndef KP_TRAIN_TAUGHT_H
#define KP_TRAIN_TAUGHT_H

#include "store/store.h"
#include "train/teacher.h"
#include "train/watcher.h"

struct kp_taught {
    const float *logits[2]; /* unflipped and flipped, [examples][classes]; NULL: not asked for */
    const int64_t *row;     /* where each example of the list lies; NULL: in the list's order */
    int64_t classes;
    float *own[2]; /* logits that are this list's alone, or NULL */
};

/* Of the example at a position of the list. */
static inline const float *kp_taught_logits(const struct kp_taught *t, int64_t position, bool flip)
{
    return t->logits[flip] + (t->row ? t->row[position] : position) * t->classes;
}

/* Who asks. */
struct kp_teaching {
    struct kp_teacher *teacher;
    const struct kp_dataset *data;
    struct kp_store *store;
    const char *uid;    /* of a run that this process holds */
    const char *folder; /* of that run: tables are written here, then moved */
    const struct kp_watcher *watcher;
};

/* Logits for `count` examples of a split (index NULL: 0 to count - 1; outlives *out), unflipped,
 * and flipped too if `flips`.
 *
 * A list of at least an eighth of its split is answered from a table of the whole split, in the
 * split's order: made once, kept by the teacher and stored as an artifact, where any process finds
 * it, see table.h. A shorter list is computed for itself. KP_E_INTERRUPTED if the
 * watcher stopped it. */
KP_NODISCARD enum kp_status kp_taught_make(const struct kp_teaching *w, enum kp_split split,
                                           const int64_t *index, int64_t count, bool flips,
                                           struct kp_taught *out, struct kp_error *e);
void kp_taught_finish(struct kp_taught *t);

/* What kp_taught_make() computes: out [count][classes], in list order, in the teacher's batches. */
KP_NODISCARD enum kp_status kp_teacher_tabulate(const struct kp_teaching *w, enum kp_split split,
                                                const int64_t *index, int64_t count, bool flip,
                                                float *out, struct kp_error *e);

#endif
