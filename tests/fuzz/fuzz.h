/* fuzz.h - what every fuzz_*.c defines; called by libFuzzer, or by replay.c with a corpus. */
#ifndef KP_TESTS_FUZZ_H
#define KP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Must survive any bytes. Returns 0. */
__attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t *bytes,
                                                                  size_t size);

#endif
