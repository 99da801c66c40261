/* problem.h - everything that is wrong with a configuration, collected and sorted. */
#ifndef KP_CONFIG_PROBLEM_H
#define KP_CONFIG_PROBLEM_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

/* Where something was written. Files are ordered as they were read; the command line comes last. */
struct kp_place {
    const char *file; /* or "--set", "--sweep" */
    int line;  /* from 1; 0: the file as a whole. Of the command line: the number of the override */
    int order; /* number of the file, KP_PLACE_COMMAND_LINE for the command line */
};

#define KP_PLACE_COMMAND_LINE INT32_MAX

/* "path/file.ini:12" or "--set". */
void kp_place_text(struct kp_place p, struct kp_text *out);

struct kp_problem;

/* Zero-initialise it. */
struct kp_problems {
    struct kp_arena memory;
    struct kp_problem *v;
    int64_t count, room;
    int64_t more; /* beyond what is kept */
    bool failed;  /* out of memory */
};

/* Note a problem: "<place>: <key>: <text>"; key NULL leaves it out. */
void kp_problem_add(struct kp_problems *p, struct kp_place place, const char *key, const char *fmt,
                    ...) KP_PRINTF(4, 5);

/* Add the problems to the report, sorted by file and line, without lines that it already has. KP_OK
 * if there were none, KP_E_NOMEM if the report is not complete. */
KP_NODISCARD enum kp_status kp_problems_report(struct kp_problems *p, struct kp_text *report);

void kp_problems_finish(struct kp_problems *p);

#endif
