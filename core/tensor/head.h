/* head.h - the last linear layer of a model, which others than the program itself may compute. */
#ifndef KP_TENSOR_HEAD_H
#define KP_TENSOR_HEAD_H

#include "tensor/program.h"
#include "tensor/tape.h"

/* The linear layer that makes the logits, if nothing else reads them and they have no name; else
 * NULL. Asked when only the model is recorded. */
const struct kp_node *kp_head_find(const struct kp_recording *r, const struct kp_value *logits);

/* Whether such a layer's weight and bias are parameters. */
bool kp_head_is_of_parameters(const struct kp_node *head);

/* Whether this program, or NULL, has no head and features for such rows, (N) or (N, T). */
bool kp_head_teaches(const struct kp_program *teacher, int64_t classes, struct kp_shape rows);

#endif
