/* fuzz_npz.c - any bytes as a .npy header, and as a .npz archive whose arrays X and Y are read. */
#include "data/npy.h"
#include "fuzz.h"

/* As much of a packed array as is worth the time. */
#define ENOUGH ((size_t)4 << 20)

static bool take(void *arg, const uint8_t *bytes, size_t n)
{
    size_t *taken = arg;
    volatile uint8_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + bytes[i]);
    *taken += n;
    return *taken < ENOUGH;
}

static void read_array(struct kp_npz *z, const char *key)
{
    struct kp_npz_array a;
    struct kp_error e = {0};
    size_t taken = 0;

    if (kp_npz_find(z, key, &a, &e))
        return;
    volatile uint8_t sum = 0;
    for (uint64_t i = 0; a.data && i < a.npy.data; i++)
        sum = (uint8_t)(sum + a.data[i]);
    if (kp_npz_read(z, &a, UINT64_MAX, take, &taken, &e) == KP_OK)
        KP_ASSERT(taken == a.npy.data);
    taken = 0;
    if (a.npy.data > 3 && kp_npz_read(z, &a, 3, take, &taken, &e) == KP_OK)
        KP_ASSERT(taken == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct kp_npy a;
    struct kp_npz *z = NULL;
    struct kp_error e = {0};

    if (kp_npy_parse(bytes, size, "npy", &a, &e) == KP_OK)
        KP_ASSERT(a.header <= size && a.data <= KP_NPY_DATA_MAX);
    if (kp_npz_open(bytes, size, "npz", &z, &e) == KP_OK) {
        read_array(z, "X");
        read_array(z, "Y");
        kp_npz_close(z);
    }
    return 0;
}
