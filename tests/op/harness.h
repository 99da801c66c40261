/* harness.h - runs the graph of one case on one device, with guards around everything it may touch.
 */
#ifndef KP_TESTS_OP_HARNESS_H
#define KP_TESTS_OP_HARNESS_H

#include "build.h"
#include "device/device.h"

enum { BLOCK_ARENA, BLOCK_PARAMS, BLOCK_BUFFERS, BLOCK_GRADS, BLOCK_SLOTS, BLOCKS };

/* One block of a program's memory and its image on the host. Words that no value owns are guards.
 */
struct op_block {
    void *device;
    float *host;
    bool *owned;
    size_t words;
};

/* A case made runnable on a device, which outlives it. */
struct op_instance {
    struct kp_device *device;
    struct op_graph graph;
    struct kp_code *code;
    struct kp_memory memory;
    struct op_block blocks[BLOCKS];
    int64_t rows;
    int64_t result_words;
};

/* fuse() is called for chains. All values of the graph have disjoint memory. */
KP_NODISCARD enum kp_status op_instance_init(struct op_instance *x, struct kp_device *d,
                                             const struct op_case *c, unsigned parts,
                                             struct kp_error *e);

/* The same for any graph, which moves into the instance: *g is empty afterwards, also on failure.
 */
KP_NODISCARD enum kp_status op_instance_adopt(struct op_instance *x, struct kp_device *d,
                                              struct op_graph *g, int64_t rows, bool fuse,
                                              struct kp_error *e);
void op_instance_finish(struct op_instance *x);

/* Fill all memory with `poison`, then the operands; always the same numbers for one case. */
KP_NODISCARD enum kp_status op_instance_fill(struct op_instance *x, float poison,
                                             struct kp_error *e);

KP_NODISCARD enum kp_status op_instance_run(struct op_instance *x, struct kp_error *e);

/* After a run: KP_E_DEVICE if a guard changed; else all results, one after another, the rows that
 * count: result_words numbers. `poison` as given to fill. */
KP_NODISCARD enum kp_status op_instance_results(struct op_instance *x, float poison, float *out,
                                                struct kp_error *e);

/* Numbers of one result. */
int64_t op_result_words(const struct op_instance *x, const struct op_result *r);

#endif
