/* utf8.h - characters in bytes (RFC 3629: no overlong form, no surrogate, at most U+10FFFF). */
#ifndef KP_BASE_UTF8_H
#define KP_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The character that s[0, n) begins with, n >= 1: its code point and its number of bytes; 0: there
 * is none, and *code is not set. */
size_t kp_utf8_get(const uint8_t *s, size_t n, uint32_t *code);

/* A code point's bytes, 1 to 4 of them; 0: it is none. */
size_t kp_utf8_put(uint32_t code, char out[4]);

#endif
