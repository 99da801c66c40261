/* build.h - the graph of one case: its nodes, what fills its operands, how exact its results are.
 */
#ifndef KP_TESTS_OP_BUILD_H
#define KP_TESTS_OP_BUILD_H

#include "base/error.h"
#include "case.h"

/* Something that the host fills before a run. */
struct op_operand {
    struct kp_value *v;
    int slot; /* 0: v itself; k: the optimizer's slot k - 1 of parameter v */
    enum op_fill fill;
    double mean, sd;
    int64_t classes;
    const double *given; /* with FILL_GIVEN */
};

/* Something that is compared after a run. An element may differ from the reference by
 * `ulps` 2^-24 times the larger of `floor` and the reference's largest magnitude. */
struct op_result {
    struct kp_value *v;
    int slot;
    double ulps, floor;
    bool rounded; /* a device may round it to bf16, which adds OP_ROUNDED_ULPS */
};

/* A bf16 is within 2^-9 of what it is made of, which is 2^15 ulps; a sum that is rounded before its
 * bias is added, or before its ReLU, may be larger than any result. */
#define OP_ROUNDED_ULPS 0x1p16

/* d loss / d of = gradient. */
struct op_pair {
    struct kp_value *of, *gradient;
};

#define OP_OPERANDS 10
#define OP_RESULTS  10
#define OP_PAIRS    5

struct op_graph {
    struct kp_graph g;
    struct op_operand operands[OP_OPERANDS];
    struct op_result results[OP_RESULTS];
    struct op_pair pairs[OP_PAIRS];
    int operand_count, result_count, pair_count;
    struct kp_value *y, *dy; /* main result and its gradient, if there is one */
    double flops;            /* of one run, 2 for each multiplication and addition */
};

/* Values are created and marked; no device has seen the graph. */
KP_NODISCARD enum kp_status op_graph_init(const struct op_case *c, unsigned parts,
                                          struct op_graph *out, struct kp_error *e);
void op_graph_finish(struct op_graph *g);

#endif
