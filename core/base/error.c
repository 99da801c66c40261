/* error.c - recording what went wrong. */
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kp_status kp_fail_v(struct kp_error *e, enum kp_status st, const char *fmt, va_list args)
{
    e->status = st;
    if (vsnprintf(e->text, sizeof e->text, fmt, args) < 0)
        (void)snprintf(e->text, sizeof e->text, "%s", kp_status_text(st));
    return st;
}

enum kp_status kp_fail(struct kp_error *e, enum kp_status st, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    kp_fail_v(e, st, fmt, args);
    va_end(args);
    return st;
}

enum kp_status kp_fail_in(struct kp_error *e, const char *fmt, ...)
{
    char context[sizeof e->text];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    if (n < 0)
        return e->status;

    /* The longest context that leaves room for ": " and a terminator; the text behind it is cut. */
    size_t head = (size_t)n < sizeof context - 3 ? (size_t)n : sizeof context - 3;
    size_t room = sizeof e->text - head - 3;
    size_t tail = strnlen(e->text, sizeof e->text - 1);
    if (tail > room)
        tail = room;
    memmove(e->text + head + 2, e->text, tail);
    memcpy(e->text, context, head);
    memcpy(e->text + head, ": ", 2);
    e->text[head + 2 + tail] = '\0';
    return e->status;
}

const char *kp_status_text(enum kp_status st)
{
    switch (st) {
    case KP_OK:
        return "done";
    case KP_E_INVALID:
        return "invalid argument or option";
    case KP_E_SHAPE:
        return "shapes do not fit";
    case KP_E_FORMAT:
        return "malformed file";
    case KP_E_IO:
        return "input or output failed";
    case KP_E_NOMEM:
        return "out of memory";
    case KP_E_DEVICE:
        return "a device or library call failed";
    case KP_E_UNSUPPORTED:
        return "not supported by this device";
    case KP_E_NUMERIC:
        return "not a number, or infinite";
    case KP_E_ABI:
        return "the plugin was built for another kappa";
    case KP_E_CONFIG:
        return "the experiment's configuration is wrong";
    case KP_E_STORE:
        return "the run database refused";
    case KP_E_INTERRUPTED:
        return "stopped by request; the state is saved";
    }
    return "unknown status";
}

void kp_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: bug in kappa: '%s' does not hold\n", file, line, condition);
    abort();
}
