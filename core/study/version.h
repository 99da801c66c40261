/* version.h - versions of kappa and of what it was built with. */
#ifndef KP_STUDY_VERSION_H
#define KP_STUDY_VERSION_H

#include "base/text.h"

extern const char *const kp_version; /* "0.1.0" */

/* "kappa 0.1.0, gcc 12.2.0, sqlite 3.40.1, zlib 1.2.13, ...". */
void kp_version_text(struct kp_text *out);

#endif
