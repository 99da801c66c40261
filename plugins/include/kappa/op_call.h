/* op_call.h - what an operation is called with; of KP_OP_REAL, for op.h. */

/* Numbers that an operation reads:  v[r * stride + i],  r < rows,  i < width.
 *   KP_FLAT       one row of all elements that the call covers
 *   KP_ROWS       rows of the last dimension
 *   KP_CANONICAL  a row for each example, stride = width
 *   KP_SHARED     one row of all elements
 * v is NULL, and the rest 0, where there is none. */
struct KP_OP_TYPED(kp_view) {
    const KP_OP_REAL *v;
    int64_t rows, width, stride;
};

/* Numbers that it writes. */
struct KP_OP_TYPED(kp_target) {
    KP_OP_REAL *v;
    int64_t rows, width, stride;
};

/* A part of a batch: `examples` of it, the same ones in every view. Where all operands are FLAT it
 * may be a part of their elements only. */
struct KP_OP_TYPED(kp_op_call) {
    size_t size;
    int64_t examples;
    const struct kp_op_shapes *shapes; /* of the whole batch */
    struct KP_OP_TYPED(kp_view) in[KP_OP_OPERANDS];
    KP_OP_REAL *scratch; /* as many numbers as def.scratch() asked for, of any value; or NULL */

    /* forward writes all of both; backward may read y (if it needs it) and kept */
    struct KP_OP_TYPED(kp_target) y;
    struct KP_OP_TYPED(kp_target) kept[KP_OP_KEPT];

    /* backward only: dy, and for each operand where its gradient goes; NULL where nobody wants it.
     * Of examples: write (=) all of it. KP_SHARED: add (+=) what these examples contribute; the
     * host adds the parts up in a fixed order. */
    struct KP_OP_TYPED(kp_view) dy;
    struct KP_OP_TYPED(kp_target) grad[KP_OP_OPERANDS];
};
