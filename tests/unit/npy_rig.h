/* npy_rig.h - makes .npy files in memory. */
#ifndef KP_TESTS_NPY_RIG_H
#define KP_TESTS_NPY_RIG_H

#include "image_rig.h"

/* A .npy file of version 1 with this dictionary, followed by `size` bytes. */
static inline struct rig_bytes npy_of(const char *dictionary, const void *data, size_t size)
{
    size_t length = strlen(dictionary);
    struct rig_bytes b = {malloc(10 + length + size), 10 + length + size};

    assert_non_null(b.v);
    memcpy(b.v, "\x93NUMPY\x01\x00", 8);
    b.v[8] = (uint8_t)length;
    b.v[9] = (uint8_t)(length >> 8);
    memcpy(b.v + 10, dictionary, length);
    if (size)
        memcpy(b.v + 10 + length, data, size);
    return b;
}

#endif
