/* builder.h - the pieces that graphs of cases are made of.
 *
 * Tolerances. Rounding x to f32 is an error of at most 1 ulp = 2^-24 of |x|. A sum of n products in
 * any order errs by at most n ulp of the sum of magnitudes, and for independent roundings by about
 * sqrt(n) ulp of a typical sum, which is sqrt(n) times a typical product: `floor` is that, so that
 * a sum near zero is judged by its terms. sum_ulps(n) = 8 + 2 sqrt(n) leaves a factor of a few. */
#ifndef KP_TESTS_OP_BUILDER_H
#define KP_TESTS_OP_BUILDER_H

#include "build.h"

/* A graph under construction; ok turns false when memory runs out. */
struct op_builder {
    const struct op_case *c;
    unsigned parts;
    struct op_graph *out;
    bool ok;
    double sd;    /* of the main input */
    double count; /* examples that count */
};

double op_sum_ulps(double terms);

struct kp_value *op_value(struct op_builder *b, enum kp_dtype dtype, struct kp_shape shape,
                          enum kp_place place);

/* A value in the arena without a batch dimension. */
struct kp_value *op_fixed(struct op_builder *b, struct kp_shape shape);

struct kp_node *op_node(struct op_builder *b, enum kp_op op);

void op_operand_add(struct op_builder *b, struct kp_value *v, int slot, enum op_fill fill,
                    double mean, double sd);

/* A new operand: N(mean, sd). */
struct kp_value *op_normal(struct op_builder *b, struct kp_shape shape, enum kp_place place,
                           double mean, double sd);

struct kp_value *op_special(struct op_builder *b, enum kp_dtype dtype, struct kp_shape shape,
                            enum kp_place place, enum op_fill fill);

/* The case's main input, or another with the same distribution. */
struct kp_value *op_main_input(struct op_builder *b, struct kp_shape shape);

struct kp_value *op_result_add(struct op_builder *b, struct kp_value *v, double ulps, double floor);

/* The gradient of an operand, where the operand's place has one. */
struct kp_value *op_gradient(struct op_builder *b, struct kp_value *of, double ulps, double floor);

struct kp_shape op_shape_after(const struct kp_window *w, struct kp_shape x, int64_t channels);

/* (N, C, H, W), (N, T, K) or (N, C) */
struct kp_shape op_input_shape(const struct op_case *c);

double op_each(struct kp_shape s);

void op_build_linear(struct op_builder *b);
void op_build_conv(struct op_builder *b);
void op_build_norm(struct op_builder *b);
void op_build_fold(struct op_builder *b);
void op_build_chain(struct op_builder *b);
void op_build_optimizer(struct op_builder *b);
void op_build_classes(struct op_builder *b);
void op_build_row_loss(struct op_builder *b);
void op_build_head_loss(struct op_builder *b);
void op_build_layer_norm(struct op_builder *b);
void op_build_attention(struct op_builder *b);
void op_build_gelu(struct op_builder *b);
void op_build_patches(struct op_builder *b);
void op_build_table(struct op_builder *b);
void op_build_select(struct op_builder *b);
void op_build_embedding(struct op_builder *b);
void op_build_dropout(struct op_builder *b);

#endif
