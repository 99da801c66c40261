/* display.c - what a person sees while runs are in progress: a bar on a terminal, lines elsewhere.
 */
#include "app/display.h"

#include "app/format.h"
#include "app/output.h"
#include "base/clock.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TERMINAL_INTERVAL 0.1 /* seconds between two drawings */
#define LOG_INTERVAL      30.0

void kp_display_init(struct kp_display *d, bool quiet)
{
    *d = (struct kp_display){.quiet = quiet, .terminal = kp_is_terminal(stdout)};
}

void kp_display_clear(struct kp_display *d)
{
    if (d->drawn)
        (void)fputs("\r\033[K", stdout);
    d->drawn = false;
    (void)fflush(stdout);
}

void kp_display_line(struct kp_display *d, const char *fmt, ...)
{
    va_list args;

    if (d->quiet)
        return;
    kp_display_clear(d);
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)putchar('\n');
    (void)fflush(stdout);
}

void kp_display_begin(struct kp_display *d, const struct kp_progress_run *r)
{
    struct kp_text text = {0};

    d->shown = kp_clock_monotonic();
    /* On a terminal the bar comes at once with the first progress. */
    if (d->terminal) {
        d->shown -= TERMINAL_INTERVAL;
        return;
    }
    kp_progress_number(r, &text);
    kp_display_line(d, "%s%s: begins", text.s ? text.s : "", r->label);
    kp_text_finish(&text);
}

static int terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

void kp_display_progress(struct kp_display *d, const struct kp_progress_run *r,
                         const struct kp_progress *p)
{
    struct kp_text text = {0};
    double now;

    if (d->quiet)
        return;
    now = kp_clock_monotonic();
    if (now - d->shown < (d->terminal ? TERMINAL_INTERVAL : LOG_INTERVAL))
        return;
    d->shown = now;
    if (d->terminal) {
        kp_progress_bar(r, p, terminal_width(), &text);
        (void)printf("\r%s\033[K", text.s ? text.s : "");
        (void)fflush(stdout);
        d->drawn = true;
    } else {
        kp_progress_line(r, p, &text);
        kp_display_line(d, "%s", text.s ? text.s : "");
    }
    kp_text_finish(&text);
}

void kp_display_end(struct kp_display *d, const struct kp_progress_run *r, double seconds,
                    bool good, const char *word, const char *text)
{
    struct kp_text number = {0};
    char time[KP_FORMAT_SIZE];

    kp_progress_number(r, &number);
    kp_display_line(d, "%s%s: %s%s%s in %s%s%s", number.s ? number.s : "", r->label,
                    kp_colour_on(stdout, good ? KP_GREEN : KP_RED), word, kp_colour_off(stdout),
                    kp_format_duration(seconds, time), *text ? ": " : "", text);
    kp_text_finish(&number);
}
