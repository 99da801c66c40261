/* process.h - runs a program with a time limit and keeps what it says. */
#ifndef KP_CONFORM_PROCESS_H
#define KP_CONFORM_PROCESS_H

#include "base/error.h"
#include "base/text.h"

/* Set in the environment of the process of a test. */
#define KP_PROCESS_MARK "KAPPA_CHECK_TEST"

/* Whether this program was built with a sanitizer: none can watch a plugin in it, nor valgrind. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { KP_SANITIZED = 1 };
#else
enum { KP_SANITIZED = 0 };
#endif

struct kp_process {
    const char *const *argv; /* ends with NULL; argv[0] is looked up in PATH */
    const char *set[4];      /* "NAME=value" for its environment; the rest is ours */
    int slate;               /* becomes its descriptor KP_SLATE_FD; -1: none */
    double seconds;          /* it is killed after them */
};

/* How it ended. */
struct kp_ending {
    bool late;  /* killed after its time */
    int status; /* as waitpid() gives it */
    double seconds;
    struct kp_text said; /* standard output and error, the first 256 KiB */
};

/* Run it to its end. The caller finishes out->said. KP_E_IO if it cannot be started. */
KP_NODISCARD enum kp_status kp_process_run(const struct kp_process *p, struct kp_ending *out,
                                           struct kp_error *e);

/* Is there a program of this name in PATH? */
bool kp_process_has(const char *name);

#endif
