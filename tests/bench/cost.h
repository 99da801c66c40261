/* cost.h - what a step cannot be faster than: its arithmetic, and what it moves. */
#ifndef KP_TESTS_BENCH_COST_H
#define KP_TESTS_BENCH_COST_H

#include "tensor/program.h"

/* "FLOPS BYTES\n" on standard output: of one step of the whole batch, the bytes counted as if each
 * operation read its operands and wrote its results once. */
void cost_print(const struct kp_program *p);

#endif
