/* op_fixture.h - reads the files that make_op_fixtures.py writes; the format stands there. */
#ifndef KP_TESTS_PARITY_OP_FIXTURE_H
#define KP_TESTS_PARITY_OP_FIXTURE_H

#include "base/error.h"
#include "device/graph.h"

#include <stdio.h>

enum op_array_use {
    ARRAY_IN,
    ARRAY_OUT,
    ARRAY_AFTER,
};

enum op_array_place {
    ARRAY_BATCH,
    ARRAY_FIXED,
    ARRAY_PARAM,
    ARRAY_BUFFER,
    ARRAY_GRAD,
    ARRAY_SLOT,
    ARRAY_SLOT2,
};

struct op_array {
    enum op_array_use use;
    enum op_array_place place;
    int index; /* of the operand or result */
    enum kp_dtype dtype;
    double terms, floor;
    struct kp_shape shape;
    double *data; /* row-major, integers too */
};

#define OP_ARRAYS 12

struct op_fixture {
    char name[64];
    enum kp_op op;
    struct kp_attrs attrs;
    double lr, step;
    struct op_array arrays[OP_ARRAYS];
    int array_count;
};

/* The next case of an open file; *more is false at its end. `path` for messages. */
KP_NODISCARD enum kp_status op_fixture_read(FILE *file, const char *path, struct op_fixture *out,
                                            bool *more, struct kp_error *e);
void op_fixture_finish(struct op_fixture *f);

#endif
