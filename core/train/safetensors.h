/* safetensors.h - named arrays in one file.
 *
 * Format (Hugging Face safetensors 0.x): u64 little-endian length of the header, a JSON object name
 * -> {dtype, shape, data_offsets: [begin, end)}, then the data. Little-endian machines only. */
#ifndef KP_TRAIN_SAFETENSORS_H
#define KP_TRAIN_SAFETENSORS_H

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "kappa/shape.h"

enum kp_stored_type {
    KP_STORED_F32 = 0,
    KP_STORED_F64 = 1,
    KP_STORED_I64 = 2,
    KP_STORED_F16 = 3,  /* IEEE 754 half precision */
    KP_STORED_BF16 = 4, /* the upper half of an F32 */
};

struct kp_stored {
    const char *name;
    enum kp_stored_type type;
    struct kp_shape shape; /* n = 0: a scalar */
    const void *data;      /* in the file's order; when read, aligned no better than the file's
                            * arrays before it leave it */
};

size_t kp_stored_bytes(const struct kp_stored *s);

/* The elements as F32, of any type but I64. */
bool kp_stored_is_real(const struct kp_stored *s);
void kp_stored_floats(const struct kp_stored *s, float *out);

/* Replace `path` by a file of these arrays. The bytes depend on nothing else. sha256 of the file,
 * if not NULL. */
KP_NODISCARD enum kp_status kp_safetensors_write(const char *path, const struct kp_stored *arrays,
                                                 int64_t count, char sha256[KP_HASH_SIZE],
                                                 int64_t *bytes, struct kp_error *e);

struct kp_safetensors {
    struct kp_mapping mapping;
    char *name; /* of the file, for messages */
    struct kp_stored *arrays;
    int64_t count;
    void *header;
};

/* Arrays of other element types than those above are refused, as are headers that do not describe
 * the file exactly: overlapping, missing or surplus bytes, duplicate names. */
KP_NODISCARD enum kp_status kp_safetensors_open(const char *path, struct kp_safetensors *out,
                                                struct kp_error *e);

/* The same for bytes in memory, which stay the caller's and outlive `out`. */
KP_NODISCARD enum kp_status kp_safetensors_parse(const uint8_t *bytes, size_t size,
                                                 const char *name, struct kp_safetensors *out,
                                                 struct kp_error *e);
const struct kp_stored *kp_safetensors_find(const struct kp_safetensors *s, const char *name);
void kp_safetensors_close(struct kp_safetensors *s);

#endif
