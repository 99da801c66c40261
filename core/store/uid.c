/* uid.c - public names of runs. */
#include "store/uid.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum kp_status kp_uid_make(char out[KP_UID_SIZE], struct kp_error *e)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned char bits[16]; /* 128: time, then random */
    uint64_t now = (uint64_t)(kp_clock_wall() * 1000.0);
    ssize_t got;

    do
        got = getrandom(bits + 6, 10, 0);
    while (got < 0 && errno == EINTR);
    if (got != 10)
        return kp_fail(e, KP_E_IO, "no random bits from the system: %s", strerror(errno));
    for (int i = 0; i < 6; i++)
        bits[i] = (unsigned char)(now >> (40 - 8 * i));

    /* 26 digits hold 130 bits; the first two are 0. */
    for (int i = 0; i < KP_UID_SIZE - 1; i++) {
        unsigned digit = 0;
        for (int j = 5 * i - 2; j < 5 * i + 3; j++)
            digit = digit << 1 | (j < 0 ? 0 : (unsigned)bits[j / 8] >> (7 - j % 8) & 1);
        out[i] = digits[digit];
    }
    out[KP_UID_SIZE - 1] = '\0';
    return KP_OK;
}
