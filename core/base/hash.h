/* hash.h - SHA-256 of bytes and files, as 64 hexadecimal digits. */
#ifndef KP_BASE_HASH_H
#define KP_BASE_HASH_H

#include "base/error.h"

#define KP_HASH_SIZE 65

void kp_hash_bytes(const void *bytes, size_t size, char out[KP_HASH_SIZE]);
KP_NODISCARD enum kp_status kp_hash_file(const char *path, char out[KP_HASH_SIZE],
                                         struct kp_error *e);

#endif
