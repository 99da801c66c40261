/* output.c - how the program speaks: messages, colours, exit status. */
#include "app/output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kp_exit kp_exit_status(enum kp_status st)
{
    switch (st) {
    case KP_OK:
        return KP_EXIT_DONE;
    case KP_E_INTERRUPTED:
        return KP_EXIT_INTERRUPTED;
    case KP_E_IO:
    case KP_E_NOMEM:
    case KP_E_DEVICE:
    case KP_E_NUMERIC:
        return KP_EXIT_FAILED;
    case KP_E_INVALID:
    case KP_E_SHAPE:
    case KP_E_FORMAT:
    case KP_E_UNSUPPORTED:
    case KP_E_ABI:
    case KP_E_CONFIG:
    case KP_E_STORE:
        break;
    }
    return KP_EXIT_USAGE;
}

void kp_say(const char *fmt, ...)
{
    va_list args;

    (void)fflush(stdout);
    va_start(args, fmt);
    (void)fputs("kappa: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

enum kp_exit kp_say_error(const struct kp_error *e)
{
    kp_say_lines(e->text[0] ? e->text : kp_status_text(e->status));
    return kp_exit_status(e->status);
}

void kp_say_lines(const char *lines)
{
    while (lines && *lines) {
        size_t n = strcspn(lines, "\n");
        if (n > 0)
            kp_say("%.*s", (int)n, lines);
        lines += n + (lines[n] == '\n');
    }
}

bool kp_is_terminal(FILE *f)
{
    const char *term = getenv("TERM");
    return isatty(fileno(f)) && term && *term && strcmp(term, "dumb") != 0;
}

static bool has_colours(FILE *f)
{
    const char *no = getenv("NO_COLOR");
    return kp_is_terminal(f) && !(no && *no);
}

const char *kp_colour_on(FILE *f, enum kp_colour c)
{
    if (!has_colours(f))
        return "";
    switch (c) {
    case KP_RED:
        return "\033[31m";
    case KP_GREEN:
        return "\033[32m";
    case KP_YELLOW:
        return "\033[33m";
    }
    return "";
}

const char *kp_colour_off(FILE *f)
{
    return has_colours(f) ? "\033[0m" : "";
}
