/* worker.h - a worker process of `kappa run --jobs N`, and what it tells its parent. */
#ifndef KP_APP_WORKER_H
#define KP_APP_WORKER_H

#include "study/study.h"

#include <sys/types.h>

enum kp_message_kind {
    KP_MESSAGE_BEGIN = 0,    /* run; text: its uid */
    KP_MESSAGE_PROGRESS = 1, /* progress */
    KP_MESSAGE_END = 2,      /* run, status; text: its uid if it is done, else why */
    KP_MESSAGE_SKIP = 3,     /* run; text: why */
    KP_MESSAGE_NOTE = 4,     /* text */
    KP_MESSAGE_FATAL = 5,    /* status, text: it can do nothing more */
};

/* Small enough for a pipe to pass it whole. */
struct kp_message {
    enum kp_message_kind kind;
    enum kp_status status;
    int64_t run; /* index in the plan */
    struct kp_progress progress;
    char text[2048];
};

struct kp_worker_job {
    struct kp_plan *plan;
    const struct kp_registry *registry;
    const char *database;
    int64_t jobs; /* workers in all */
    int64_t threads;
    pid_t parent;
    int report; /* where messages are written */
    bool apart; /* train the runs of a cohort one after the other */
};

/* The exit status of a worker whose device is lost while runs are left. */
enum { KP_WORKER_LOST = 75 };

/* In the child of a fork(): does the plan and ends the process. */
_Noreturn void kp_worker_main(const struct kp_worker_job *job);

#endif
