/* model.h - a model plugin with its options, and the net that it builds for a dataset. */
#ifndef KP_TRAIN_MODEL_H
#define KP_TRAIN_MODEL_H

#include "data/data.h"
#include "tensor/net.h"

/* A model plugin's definition with its filled state struct, and how its input is normalised. */
struct kp_model_use {
    const struct kp_model_def *def;
    void *self;               /* used by one net */
    struct kp_reals mean, sd; /* of each channel */
    struct kp_op_source ops;
};

/* Build it for the examples and classes of `data`. KP_E_CONFIG if mean and sd do not fit them. */
KP_NODISCARD enum kp_status kp_model_build(const struct kp_model_use *m,
                                           const struct kp_dataset *data, struct kp_net **out,
                                           struct kp_error *e);

/* mean or sd as devices take them; to be freed. NULL if out of memory. */
float *kp_channel_floats(struct kp_reals list);

#endif
