/* rng.h - counter-based random numbers: a value is a function of where it is used.
 *
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, SC
 * 2011). There is no state: f(seed, role, stream, epoch, example, index). */
#ifndef KP_BASE_RNG_H
#define KP_BASE_RNG_H

#include <stdint.h>

enum kp_rng_role {
    KP_ROLE_TEACHER = 0,
    KP_ROLE_STUDENT = 1,
    KP_ROLE_POOL = 2, /* choices that teacher and students share: the pool and the dev split */
};

enum kp_rng_stream {
    KP_STREAM_INIT = 0,
    KP_STREAM_SUBSET = 1,
    KP_STREAM_ORDER = 2,
    KP_STREAM_AUGMENT = 3,
    KP_STREAM_DROPOUT = 4,
};

/* Where a draw belongs. For INIT: epoch 0, example = number of the parameter, index = element. */
struct kp_rng_key {
    uint64_t seed;
    uint8_t role;   /* enum kp_rng_role */
    uint8_t stream; /* enum kp_rng_stream */
    uint32_t epoch;
};

/* Four independent 32-bit words for (key, example, index). */
void kp_rng_words(struct kp_rng_key key, uint64_t example, uint32_t index, uint32_t out[4]);

/* Uniform in [0, 1), 53 bits. */
double kp_rng_uniform(struct kp_rng_key key, uint64_t example, uint32_t index);

/* Standard normal (Box and Muller 1958). */
double kp_rng_normal(struct kp_rng_key key, uint64_t example, uint32_t index);

/* Uniform integer in [0, n), n >= 1, without bias (Lemire 2019, rejection over further indices is
 * inside; one call uses one (example, index)). */
uint64_t kp_rng_below(struct kp_rng_key key, uint64_t example, uint32_t index, uint64_t n);

/* Random permutation of v[0..n) in place (Fisher and Yates), a function of the key alone. */
void kp_rng_shuffle(struct kp_rng_key key, int64_t *v, int64_t n);

/* First m of a random permutation of 0..n-1, m <= n, in O(m) memory beyond out. */
int kp_rng_sample(struct kp_rng_key key, int64_t n, int64_t m, int64_t *out);

#endif
