/* slate.h - what a checker and the process of one test share: the order, the verdict, and where the
 * test is, which can still be read when the process has died. */
#ifndef KP_CONFORM_SLATE_H
#define KP_CONFORM_SLATE_H

#include "base/error.h"

enum kp_verdict {
    KP_VERDICT_NONE = 0, /* the process did not get that far */
    KP_VERDICT_PASSED = 1,
    KP_VERDICT_FAILED = 2,
    KP_VERDICT_NOT_CHECKED = 3,
};

/* The file descriptor of a slate in the process of a test. */
#define KP_SLATE_FD 3

/* In shared memory, so all of it lies here. */
struct kp_slate {
    /* by the checker */
    char path[4096]; /* of the plugin's file */
    char data[4096]; /* the folder `data` beside it; "" if there is none */
    char kind[16];   /* of the definition: "model"; "" for a test of the whole file */
    char name[64];   /* of the definition */
    char test[32];
    uint64_t seed;
    bool reference_only; /* run nothing but the reference device: a sanitizer is watching */
    /* by the test */
    char call[64];     /* the plugin's function at work: "forward"; "" if none is */
    char with[256];    /* on what: "width = 4096" */
    char fault[160];   /* where a forbidden access went */
    int verdict;       /* enum kp_verdict */
    char why[2048];    /* or, of what passed, what there is to say */
    char listed[8192]; /* the plugin's definitions, "kind name" a line */
};

/* A new one, zeroed, with the file behind it. Closes with the process that is made next unless it
 * is handed on. */
KP_NODISCARD enum kp_status kp_slate_create(struct kp_slate **out, int *fd, struct kp_error *e);
void kp_slate_destroy(struct kp_slate *s, int fd);

/* The one that this process was started with; NULL if it is no test. */
struct kp_slate *kp_slate_inherited(void);

#endif
