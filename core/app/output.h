/* output.h - how the program speaks: messages, colours, exit status. */
#ifndef KP_APP_OUTPUT_H
#define KP_APP_OUTPUT_H

#include "base/error.h"

#include <stdio.h>

enum kp_exit {
    KP_EXIT_DONE = 0,
    KP_EXIT_FAILED = 1, /* a run failed, or the machine refused */
    KP_EXIT_USAGE = 2,  /* bad usage, configuration or file */
    KP_EXIT_INTERRUPTED = 130,
};

/* The exit status that a failure stands for. */
enum kp_exit kp_exit_status(enum kp_status st);

/* "kappa: what; what would be right" on standard error. */
void kp_say(const char *fmt, ...) KP_PRINTF(1, 2);

/* The recorded error as such a message; returns its exit status. */
enum kp_exit kp_say_error(const struct kp_error *e);

/* Each line of a text as such a message. */
void kp_say_lines(const char *lines);

enum kp_colour {
    KP_RED = 31,
    KP_GREEN = 32,
    KP_YELLOW = 33,
};

/* Begin and end a colour on f: "" unless f is a terminal that wants colours (NO_COLOR, TERM). */
const char *kp_colour_on(FILE *f, enum kp_colour c);
const char *kp_colour_off(FILE *f);

/* A terminal that can be drawn on. */
bool kp_is_terminal(FILE *f);

#endif
