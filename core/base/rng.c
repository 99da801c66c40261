/* rng.c - Philox 4x32-10 and what is drawn with it.
 *
 * A place (seed, role, stream, epoch, example, index) maps to generator input without collision:
 *
 *   key[0], key[1]   seed, low and high half
 *   counter[0]       index
 *   counter[1]       example, bits 0..31
 *   counter[2]       example, bits 32..47 | role << 16 | stream << 20 | attempt << 24
 *   counter[3]       epoch
 *
 * `attempt` is 0 except where kp_rng_below() rejects a draw. */
#include "base/rng.h"

#include "base/error.h"
#include "base/philox.h"

#include <math.h>
#include <stdlib.h>

#define EXAMPLE_BITS 48
#define ATTEMPTS     256u

static void place_words(struct kp_rng_key key, uint64_t example, uint32_t index, uint32_t attempt,
                        uint32_t out[4])
{
    KP_ASSERT(example >> EXAMPLE_BITS == 0 && key.role < 16 && key.stream < 16);
    const uint32_t counter[4] = {
        index,
        (uint32_t)example,
        (uint32_t)(example >> 32) | (uint32_t)key.role << 16 | (uint32_t)key.stream << 20 |
            attempt << 24,
        key.epoch,
    };
    const uint32_t seed[2] = {(uint32_t)key.seed, (uint32_t)(key.seed >> 32)};

    kp_philox(counter, seed, out);
}

void kp_rng_words(struct kp_rng_key key, uint64_t example, uint32_t index, uint32_t out[4])
{
    place_words(key, example, index, 0, out);
}

static uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

double kp_rng_uniform(struct kp_rng_key key, uint64_t example, uint32_t index)
{
    uint32_t w[4];

    place_words(key, example, index, 0, w);
    return (double)(join(w[0], w[1]) >> 11) * 0x1p-53;
}

double kp_rng_normal(struct kp_rng_key key, uint64_t example, uint32_t index)
{
    uint32_t w[4];

    /* z = sqrt(-2 ln u) cos(2 pi v), u in (0, 1], v in [0, 1) */
    place_words(key, example, index, 0, w);
    double u = (double)((join(w[0], w[1]) >> 11) + 1) * 0x1p-53;
    double v = (double)(join(w[2], w[3]) >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t kp_rng_below(struct kp_rng_key key, uint64_t example, uint32_t index, uint64_t n)
{
    KP_ASSERT(n >= 1);
    uint64_t result = 0;

    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint32_t w[4];
        place_words(key, example, index, attempt, w);
        for (int half = 0; half < 4; half += 2) {
            __extension__ unsigned __int128 product =
                (unsigned __int128)join(w[half], w[half + 1]) * n;
            uint64_t low = (uint64_t)product;
            result = (uint64_t)(product >> 64);
            /* Low halves below 2^64 mod n would make some results likelier; most are above n, which
             * saves the division. */
            if (low >= n || low >= -n % n)
                return result;
        }
    }
    return result; /* with probability below 2^-512 */
}

/* Position that step i of the Fisher-Yates shuffle of n elements swaps with i. */
static int64_t swap_with(struct kp_rng_key key, int64_t i, int64_t n)
{
    return i + (int64_t)kp_rng_below(key, (uint64_t)i, 0, (uint64_t)(n - i));
}

void kp_rng_shuffle(struct kp_rng_key key, int64_t *v, int64_t n)
{
    for (int64_t i = 0; i + 1 < n; i++) {
        int64_t j = swap_with(key, i, n);
        int64_t t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
}

/* What stands at a position that a swap has changed; open addressing, linear probing. */
struct moved {
    int64_t position; /* -1: free */
    int64_t value;
};

static struct moved *moved_find(struct moved *table, uint64_t mask, int64_t position)
{
    uint64_t slot = (uint64_t)position * 0x9E3779B97F4A7C15u;
    slot ^= slot >> 32;

    for (;; slot++) {
        struct moved *m = &table[slot & mask];
        if (m->position == position || m->position < 0)
            return m;
    }
}

int kp_rng_sample(struct kp_rng_key key, int64_t n, int64_t m, int64_t *out)
{
    KP_ASSERT(0 <= m && m <= n);
    if (m == 0)
        return 0;

    uint64_t slots = 4;
    while (slots < 2 * (uint64_t)m)
        slots *= 2;
    struct moved *table = malloc(slots * sizeof *table);
    if (!table)
        return -1;
    for (uint64_t i = 0; i < slots; i++)
        table[i].position = -1;

    /* The shuffle above, stopped after m steps. The first m positions live in out, those behind in
     * the table, which takes at most m entries. */
    for (int64_t i = 0; i < m; i++)
        out[i] = i;
    for (int64_t i = 0; i < m; i++) {
        int64_t j = i + 1 < n ? swap_with(key, i, n) : i;
        int64_t mine = out[i];
        if (j < m) {
            out[i] = out[j];
            out[j] = mine;
        } else {
            struct moved *there = moved_find(table, slots - 1, j);
            out[i] = there->position < 0 ? j : there->value;
            there->position = j;
            there->value = mine;
        }
    }
    free(table);
    return 0;
}
