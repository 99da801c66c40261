/* compile.h - makes a shared object of a plugin's C files, also with sanitizers. */
#ifndef KP_CONFORM_COMPILE_H
#define KP_CONFORM_COMPILE_H

#include "base/error.h"
#include "base/text.h"

#define KP_SOURCES_MAX 64

/* The C files of a plugin. */
struct kp_sources_of {
    char *v[KP_SOURCES_MAX];
    int count;
};

/* `path` is a C file, or a folder: all its *.c but test_*.c. KP_E_INVALID if there are none. */
KP_NODISCARD enum kp_status kp_sources_of_init(const char *path, struct kp_sources_of *out,
                                               struct kp_error *e);
void kp_sources_of_finish(struct kp_sources_of *s);

enum kp_sanitize {
    KP_SANITIZE_NONE = 0,
    KP_SANITIZE_MEMORY = 1,  /* AddressSanitizer and UndefinedBehaviorSanitizer */
    KP_SANITIZE_THREADS = 2, /* ThreadSanitizer */
};

/* Compile and link them to `object` with $CC, or else the first of cc, gcc and clang that can.
 * Nothing is hidden: what a file does not make static is exported. A sanitized object needs its
 * runtime to be loaded first: *runtime, free() it; NULL for none. KP_E_INVALID with the compiler's
 * words if it refuses the files; KP_E_UNSUPPORTED if there is no compiler, or none with such a
 * runtime. */
KP_NODISCARD enum kp_status kp_compile(const struct kp_sources_of *s, const char *headers,
                                       enum kp_sanitize how, const char *object, char **runtime,
                                       struct kp_error *e);

#endif
