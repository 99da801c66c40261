/* subset.h - which examples of a dataset a run trains on, and the record of that choice. */
#ifndef KP_DATA_SUBSET_H
#define KP_DATA_SUBSET_H

#include "base/hash.h"
#include "base/rng.h"
#include "data/data.h"

/* Where students draw from, relative to the teacher's pool.
 *   FRESH     all training examples     SUBSET   the teacher's pool only
 *   DISJOINT  everything but the teacher's pool */
enum kp_student_pool {
    KP_POOL_FRESH = 0,
    KP_POOL_SUBSET = 1,
    KP_POOL_DISJOINT = 2,
};

struct kp_subset_config {
    enum kp_rng_role role; /* TEACHER: the pool itself; STUDENT: m examples */
    int64_t total;         /* examples in the training split */
    bool endless;          /* they are independent draws, made when they are asked for */
    double dev;            /* share carved off for development before anything else, 0 <= dev < 1;
                            * of endless data as a share of n_teacher */
    int64_t n_teacher;     /* size of the teacher's pool; 0: all that is left after dev */
    int64_t m;             /* student's examples */
    enum kp_student_pool pool;
    bool first;         /* nothing is drawn: the first examples in the dataset's order are taken */
    int64_t offset;     /* of `first`: examples of its pool that a student passes over */
    bool nested;        /* a smaller m is a prefix of a larger one */
    uint64_t seed_pool; /* of dev and the teacher's pool */
    uint64_t seed_subset; /* of the student's draw */
};

struct kp_subset {
    const char *algorithm; /* its name and version */
    int64_t count;
    int64_t *index;    /* [count], in drawing order: the order of `order = fixed` */
    int64_t dev_count; /* the development split */
    int64_t *dev_index;
    int64_t overlap; /* how many of index are in the teacher's pool */
    char dev_sha256[KP_HASH_SIZE];
    char sha256[KP_HASH_SIZE]; /* of index as little-endian int64 */
};

/* Draw. An m above the size of the pool is an error that names both. Of endless data every part is
 * a piece of the numbers whose place is drawn: dev and the teacher's pool apart, the student's
 * apart from dev, and from the pool if DISJOINT; of SUBSET they are drawn from the pool.
 *
 * `first` is for what is read in its order, as text: the teacher's pool is the first examples, dev
 * the last; a student's begin with the first, or behind the pool if DISJOINT, plus `offset`. A
 * student of a larger kappa sees those of a smaller one before the others. */
KP_NODISCARD enum kp_status kp_subset_draw(const struct kp_subset_config *config,
                                           struct kp_subset *out, struct kp_error *e);
void kp_subset_finish(struct kp_subset *s);

#endif
