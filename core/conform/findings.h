/* findings.h - what a sanitizer or valgrind found in a plugin, out of all that it said. */
#ifndef KP_CONFORM_FINDINGS_H
#define KP_CONFORM_FINDINGS_H

#include "base/text.h"

/* Add the first finding in a sanitizer's output as one line, "AddressSanitizer:
 * heap-buffer-overflow in build (own.c:12)". Only findings whose stack holds a line of one of these
 * C files count: what kappa or a library does wrong, or never frees, is not the plugin's. False if
 * there is none. */
bool kp_findings_of_sanitizer(const char *said, char *const *sources, int count,
                              struct kp_text *out);

/* The same from valgrind's XML. Only findings whose stack goes through the shared object count. */
bool kp_findings_of_valgrind(const char *said, const char *object, struct kp_text *out);

#endif
