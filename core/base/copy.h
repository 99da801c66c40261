/* copy.h - copies a file and proves that the copy is what was meant. */
#ifndef KP_BASE_COPY_H
#define KP_BASE_COPY_H

#include "base/file.h"
#include "base/hash.h"

/* Copy `from` to `to`, which appears whole or not at all. KP_E_FORMAT, and no copy, if the bytes
 * read do not have this hash. */
KP_NODISCARD enum kp_status kp_file_copy(const char *from, const char *to,
                                         const char sha256[KP_HASH_SIZE], struct kp_error *e);

#endif
