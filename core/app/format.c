/* format.c - numbers as people read them. */
#include "app/format.h"

#include <math.h>
#include <stdio.h>

const char *kp_format_duration(double seconds, char out[KP_FORMAT_SIZE])
{
    /* A century is enough; also what is no number ends here. */
    double s = seconds > 0 ? fmin(rint(seconds), 3.2e9) : 0;
    long long all = (long long)s;

    if (!(seconds >= 9.95))
        (void)snprintf(out, KP_FORMAT_SIZE, "%.1f s", seconds > 0 ? seconds : 0.0);
    else if (all >= 3600)
        (void)snprintf(out, KP_FORMAT_SIZE, "%lld:%02lld:%02lld", all / 3600, all / 60 % 60,
                       all % 60);
    else
        (void)snprintf(out, KP_FORMAT_SIZE, "%lld:%02lld", all / 60, all % 60);
    return out;
}

const char *kp_format_large(double v, char out[KP_FORMAT_SIZE])
{
    static const char prefixes[] = " kMGTPEZY";
    int i = 0;

    /* 999.5 would print as 1000. */
    while (v >= 999.5 && prefixes[i + 1]) {
        v /= 1000;
        i++;
    }
    if (i == 0)
        (void)snprintf(out, KP_FORMAT_SIZE, "%.0f ", v);
    else
        (void)snprintf(out, KP_FORMAT_SIZE, "%.*f %c",
                       v < 9.995   ? 2
                       : v < 99.95 ? 1
                                   : 0,
                       v, prefixes[i]);
    return out;
}
