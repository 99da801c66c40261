/* text.h - a string that grows. */
#ifndef KP_BASE_TEXT_H
#define KP_BASE_TEXT_H

#include "kappa/status.h"

#include <stdarg.h>

/* Zero-initialise it. `s` is always terminated once something was added, NULL before. Out of memory
 * is sticky: `failed` is set and later additions do nothing. */
struct kp_text {
    char *s;
    size_t length;
    size_t capacity;
    bool failed;
};

void kp_text_add(struct kp_text *t, const char *s);
void kp_text_add_bytes(struct kp_text *t, const char *s, size_t n);
void kp_text_addf(struct kp_text *t, const char *fmt, ...) KP_PRINTF(2, 3);
void kp_text_clear(struct kp_text *t); /* keeps the memory */
void kp_text_finish(struct kp_text *t);

/* Decimal text that strtod() reads back to the same double, of 15, 16 or 17 digits the fewest that
 * do: "0.1", "1e-05", "nan", "inf". Independent of the locale. */
#define KP_REAL_TEXT_SIZE 32
const char *kp_real_text(double v, char out[KP_REAL_TEXT_SIZE]);

/* Edit distance of two words (insert, delete, replace, swap of neighbours), for "did you mean".
 * With a word of more than 64 letters: the length of the longer one. */
size_t kp_text_distance(const char *a, const char *b);

#endif
