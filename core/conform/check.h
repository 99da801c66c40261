/* check.h - the checker behind `kappa check`: does a plugin keep its part of the contract? */
#ifndef KP_CONFORM_CHECK_H
#define KP_CONFORM_CHECK_H

#include "base/text.h"
#include "conform/slate.h"

/* One verdict. */
struct kp_check_line {
    const char *kind, *name; /* of the definition; "" for a test of the whole plugin */
    const char *test;
    enum kp_verdict verdict;
    const char *why; /* of what passed: what there is to say, or "" */
    double seconds;
};

struct kp_check {
    const char *path;    /* a shared object, a C file, or a folder with C files */
    const char *only;    /* one test; NULL: all */
    uint64_t seed;       /* of all that is drawn */
    double seconds;      /* for each test */
    const char *program; /* this kappa, which runs each test in a process of its own */
    const char *headers; /* the folder that has kappa/plugin.h */
    /* Called with each verdict as it is known. */
    void (*tell)(void *arg, const struct kp_check_line *line);
    void *arg;
};

/* KP_OK if every test was run, whatever the verdicts. KP_E_INVALID if there is nothing to check or
 * no such test; KP_E_IO. */
KP_NODISCARD enum kp_status kp_check_run(const struct kp_check *c, struct kp_error *e);

/* The names of all tests, with blanks between. */
void kp_check_names(struct kp_text *out);

#endif
