/* turns.h - how a benchmark takes its turns beside others, see interleave.py. */
#ifndef KP_TESTS_BENCH_TURNS_H
#define KP_TESTS_BENCH_TURNS_H

#include "base/error.h"

/* For each number N read from standard input: runs N steps and prints the seconds of one. */
KP_NODISCARD enum kp_status turns_serve(enum kp_status (*step)(void *arg, struct kp_error *e),
                                        void *arg, struct kp_error *e);

#endif
