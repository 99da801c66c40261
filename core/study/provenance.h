/* provenance.h - what made a run: program, libraries, the experiment's git checkout. */
#ifndef KP_STUDY_PROVENANCE_H
#define KP_STUDY_PROVENANCE_H

#include "store/store.h"

struct kp_provenance {
    char versions[512];          /* of kappa, compiler and libraries: kp_version_text() */
    char build[KP_HASH_SIZE];    /* sha256 of the program's file; "" if it cannot be read */
    char revision[KP_HASH_SIZE]; /* of the checkout; "" outside of git, or without git */
    bool dirty;                  /* files of the checkout were changed and not committed */
};

/* Asks git, if it is there, about the folder of the experiment's file. Never fails: what cannot be
 * found stays empty. */
void kp_provenance_find(const char *experiment, struct kp_provenance *out);

/* Fill in versions, build and git state; *out then points into *p. */
void kp_provenance_record(const struct kp_provenance *p, struct kp_attempt_row *out);

#endif
