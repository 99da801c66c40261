/* error.h - what went wrong, in words, beside the status that says what kind it is. */
#ifndef KP_BASE_ERROR_H
#define KP_BASE_ERROR_H

#include "kappa/status.h"

#include <stdarg.h>

/* In the caller's memory; zero-initialise it. Whoever detects an error explains it, once. */
struct kp_error {
    enum kp_status status;
    char text[8192]; /* room for the name of every array of a large model */
};

/* Record `st` and the text (cut if too long) and return `st`:
 *   return kp_fail(e, KP_E_FORMAT, "%s:%d: key without '='", path, line);
 * Never use it with st = KP_OK. */
enum kp_status kp_fail(struct kp_error *e, enum kp_status st, const char *fmt, ...) KP_PRINTF(3, 4);
enum kp_status kp_fail_v(struct kp_error *e, enum kp_status st, const char *fmt, va_list args)
    KP_PRINTF(3, 0);

/* Put "context: " before a text already recorded; returns e->status. */
enum kp_status kp_fail_in(struct kp_error *e, const char *fmt, ...) KP_PRINTF(2, 3);

/* One line for people: "malformed file". */
const char *kp_status_text(enum kp_status st);

/* For bugs in this program, never for files, options or devices: prints file, line and text,
 * aborts. */
#define KP_ASSERT(condition)                                  \
    do {                                                      \
        if (!(condition))                                     \
            kp_assert_failed(#condition, __FILE__, __LINE__); \
    } while (0)
__attribute__((noreturn)) void kp_assert_failed(const char *condition, const char *file, int line);

#endif
