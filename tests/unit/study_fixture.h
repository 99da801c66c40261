/* study_fixture.h - a small experiment on made-up images, in a folder of its own. */
#ifndef KP_TESTS_STUDY_FIXTURE_H
#define KP_TESTS_STUDY_FIXTURE_H

#include "study/study.h"

struct study_fixture {
    char folder[64];
    struct kp_registry registry;
};

/* 300 training and 100 test images of 28x28 in 10 classes (a bright bar whose place is the class,
 * plus noise), teacher.ini and students.ini (cnn of width 4, 2 epochs, batch 32; objectives lt and
 * kd). */
void study_fixture_open(struct study_fixture *f);
void study_fixture_close(struct study_fixture *f);

/* Where a run is told to stop, and what was seen. */
struct study_watch {
    int64_t stop_at;         /* training step of a student after which stop() says yes; -1: never */
    int64_t seen;            /* the last step */
    int64_t stop_evaluating; /* the same of batches that a student evaluated; 0: never */
    int64_t evaluated;
    int64_t failed;
    int64_t working, most_at_once; /* runs that have begun and not ended; the most there were */
    bool student;
    char text[2048];            /* of the last failure */
    void (*step)(int64_t step); /* NULL, or called on each training step */
};

/* `kappa run students.ini` in database `db` with overrides "a=b", or axes "sweep:a=b,c", that end
 * with NULL. */
enum kp_status study_run(struct study_fixture *f, const char *db, const char *const *overrides,
                         struct study_watch *w, struct kp_study_result *result);

/* Path of a file in the folder; valid until the next call but three. */
const char *study_path(struct study_fixture *f, const char *name);

/* sha256 of the weights of the one student (or teacher) with this objective in `db`. */
void study_weights(struct study_fixture *f, const char *db, const char *objective, const char *role,
                   char sha256[KP_HASH_SIZE]);

/* The path of those weights. */
void study_weights_path(struct study_fixture *f, const char *db, const char *objective,
                        const char *role, char *out, size_t size);

/* A query's output as CSV without its header; free() it. */
char *study_query(struct study_fixture *f, const char *db, const char *sql);

#endif
