/* engine.h - what can run the tasks of `kappa submit` on other machines. */
#ifndef KP_APP_ENGINE_H
#define KP_APP_ENGINE_H

#include "study/tasks.h"

/* Texts are as typed, not yet quoted for a shell, unless it says so. */
struct kp_submission {
    const struct kp_plan *plan;
    const struct kp_tasks *tasks;
    const char *kappa;    /* this program, absolute */
    const char *where;    /* the working directory */
    const char *database; /* what all is merged into */
    const char *folder;   /* of scripts, logs and the tasks' databases */
    const char *options;  /* of `kappa run`, quoted: " --set train.epochs=3"; or "" */
    const char *given;    /* hashes of finished runs that tasks need; "" if there are none */
    const char *analyses; /* hashes of the missing analyses; "" if there are none */
    int64_t threads;      /* of a task */
};

/* An engine is a file of its own and a line in kp_engines[]. */
struct kp_engine {
    const char *name;
    const char *program; /* that must be there to submit */
    const char *missing; /* "Slurm is not installed": said if it is not */
    /* A shell script that submits all: each task in a database of its own, a stage behind the one
     * before it, in the end everything merged. */
    void (*write)(const struct kp_submission *s, struct kp_text *out);
};

extern const struct kp_engine kp_engine_slurm;

extern const struct kp_engine *const kp_engines[]; /* ends with NULL */

/* The beginning of a configuration hash that stands for it in scripts. */
#define KP_SUBMISSION_HASH 16

#endif
