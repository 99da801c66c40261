/* shape.h - extents and element types of tensors. */
#ifndef KAPPA_SHAPE_H
#define KAPPA_SHAPE_H

#include "kappa/status.h"

#define KP_MAX_DIMS 6

enum kp_dtype {
    KP_F32 = 0,
    KP_I32 = 1,
    KP_U8 = 2,
};

/* Row-major extents, outermost first: an image batch is (N, C, H, W). dim[i] >= 1 for i < n,
 * entries from n on are zero. n = 0 is a scalar. Copied by value. */
struct kp_shape {
    int32_t n;
    int64_t dim[KP_MAX_DIMS];
};

static inline struct kp_shape kp_shape1(int64_t a)
{
    struct kp_shape s = {1, {a, 0, 0, 0, 0, 0}};
    return s;
}

static inline struct kp_shape kp_shape2(int64_t a, int64_t b)
{
    struct kp_shape s = {2, {a, b, 0, 0, 0, 0}};
    return s;
}

static inline struct kp_shape kp_shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct kp_shape s = {4, {a, b, c, d, 0, 0}};
    return s;
}

/* Number of elements; 1 for a scalar. Extents are checked where they enter, so it cannot overflow.
 */
static inline int64_t kp_shape_count(struct kp_shape s)
{
    int64_t count = 1;
    for (int32_t i = 0; i < s.n; i++)
        count *= s.dim[i];
    return count;
}

static inline bool kp_shape_equal(struct kp_shape a, struct kp_shape b)
{
    if (a.n != b.n)
        return false;
    for (int32_t i = 0; i < a.n; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

#endif
