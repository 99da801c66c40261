/* text.c - a string that grows, numbers as text, distance of words. */
#include "base/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` characters and the terminator. */
static bool text_reserve(struct kp_text *t, size_t more)
{
    if (t->failed)
        return false;
    if (more < t->capacity - t->length)
        return true;
    if (more > SIZE_MAX / 4 || t->length > SIZE_MAX / 4) {
        t->failed = true;
        return false;
    }

    size_t capacity = 2 * (t->length + more) + 64;
    char *s = realloc(t->s, capacity);
    if (!s) {
        t->failed = true;
        return false;
    }
    t->s = s;
    t->capacity = capacity;
    return true;
}

void kp_text_add_bytes(struct kp_text *t, const char *s, size_t n)
{
    if (!text_reserve(t, n))
        return;
    if (n)
        memcpy(t->s + t->length, s, n);
    t->length += n;
    t->s[t->length] = '\0';
}

void kp_text_add(struct kp_text *t, const char *s)
{
    kp_text_add_bytes(t, s, strlen(s));
}

void kp_text_addf(struct kp_text *t, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0)
        t->failed = true;
    else if (text_reserve(t, (size_t)n)) {
        (void)vsnprintf(t->s + t->length, (size_t)n + 1, fmt, again);
        t->length += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void kp_text_clear(struct kp_text *t)
{
    t->length = 0;
    t->failed = false;
    if (t->s)
        t->s[0] = '\0';
}

void kp_text_finish(struct kp_text *t)
{
    free(t->s);
    memset(t, 0, sizeof *t);
}

/* Whatever the locale puts between the digits becomes one '.'. */
static void decimal_point_to_dot(char *s)
{
    char *to = s;
    bool in_point = false;

    for (const char *from = s; *from; from++) {
        if (strchr("0123456789+-e", *from)) {
            *to++ = *from;
            in_point = false;
        } else if (!in_point) {
            *to++ = '.';
            in_point = true;
        }
    }
    *to = '\0';
}

const char *kp_real_text(double v, char out[KP_REAL_TEXT_SIZE])
{
    if (isnan(v) || isinf(v)) {
        (void)snprintf(out, KP_REAL_TEXT_SIZE, "%s", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
        return out;
    }
    /* snprintf() and strtod() agree on the locale; the point is put right afterwards. */
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, KP_REAL_TEXT_SIZE, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    decimal_point_to_dot(out);
    return out;
}

#define WORD_MAX 64

size_t kp_text_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    size_t rows[3][WORD_MAX + 1];

    /* No name that could be meant is that long. */
    if (na > WORD_MAX || nb > WORD_MAX)
        return na > nb ? na : nb;

    /* Optimal string alignment: d[i][j] = distance of the first i and j letters. */
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *before2 = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < d)
                d = before[j] + 1;
            if (now[j - 1] + 1 < d)
                d = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before2[j - 2] + 1 < d)
                d = before2[j - 2] + 1;
            now[j] = d;
        }
    }
    return rows[na % 3][nb];
}
