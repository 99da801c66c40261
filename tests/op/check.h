/* check.h - what is done with a case. */
#ifndef KP_TESTS_OP_CHECK_H
#define KP_TESTS_OP_CHECK_H

#include "case.h"
#include "device/device.h"

/* Counts and prints one line for each check: "ok 3 - name", "not ok 4 - name: why". */
struct op_report {
    int64_t passed, failed;
};

void op_report_add(struct op_report *r, const char *name, const struct kp_error *e);

/* The same device kind opened with one and with two threads, and the reference. */
struct op_devices {
    struct kp_device *one, *two, *ref;
};

/* Each part of a case on `one` and `two` against `ref`: results within tolerance, guards intact,
 * the same bits when run again over other garbage and with two threads. */
void op_compare(const struct op_devices *d, const struct op_case *c, struct op_report *r);

/* Batches of bytes through load_batch, likewise. */
void op_compare_load(const struct op_devices *d, struct op_report *r);

/* Gradients on the reference device against central differences. */
void op_check_gradients(struct kp_device *ref, const struct op_case *c, struct op_report *r);

/* Time of each part at the case's benchmark batch. */
void op_bench(struct kp_device *d, const struct op_case *c);

#endif
