/* hash.h - SHA-256 of bytes, pieces and files, as 64 hexadecimal digits. */
#ifndef KP_BASE_HASH_H
#define KP_BASE_HASH_H

#include "base/error.h"

#include <sha2.h>

#define KP_HASH_SIZE 65

/* A hash of bytes that come in pieces. */
struct kp_hasher {
    SHA2_CTX context;
};

void kp_hasher_begin(struct kp_hasher *h);
void kp_hasher_add(struct kp_hasher *h, const void *bytes, size_t size);
void kp_hasher_end(struct kp_hasher *h, char out[KP_HASH_SIZE]);

void kp_hash_bytes(const void *bytes, size_t size, char out[KP_HASH_SIZE]);
KP_NODISCARD enum kp_status kp_hash_file(const char *path, char out[KP_HASH_SIZE],
                                         struct kp_error *e);

/* Does a list of beginnings of hashes, separated by commas, hold one of this hash? */
bool kp_hash_listed(const char *list, const char *hash);

#endif
