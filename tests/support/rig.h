/* rig.h - a plugin's model or objective at work without a configuration, for tests and benchmarks.
 */
#ifndef KP_TESTS_RIG_H
#define KP_TESTS_RIG_H

#include "host/registry.h"
#include "tensor/program.h"

struct rig {
    struct kp_registry registry;
    struct kp_arena memory; /* of the plugins' state structs */
};

/* Open the models, objectives and example plugins of a build folder. */
KP_NODISCARD enum kp_status rig_open(struct rig *r, const char *build, struct kp_error *e);
void rig_close(struct rig *r);

/* Open the plugins of one more folder below the build folder. */
KP_NODISCARD enum kp_status rig_scan(struct rig *r, const char *build, const char *folder,
                                     struct kp_error *e);

/* A state struct of `size` bytes, zeroed, with the options of a table. `options` is
 * "name=value;name=value"; NULL for the defaults. */
KP_NODISCARD enum kp_status rig_fill(struct rig *r, const struct kp_option_table *t,
                                     const char *options, size_t size, void **out,
                                     struct kp_error *e);

/* Build a model for images (C, H, W). */
KP_NODISCARD enum kp_status rig_net(struct rig *r, const char *model, const char *options,
                                    struct kp_shape input, int64_t classes, struct kp_net **out,
                                    struct kp_error *e);

/* The same for any input. */
KP_NODISCARD enum kp_status rig_net_io(struct rig *r, const char *model, const char *options,
                                       const struct kp_model_io *io, struct kp_net **out,
                                       struct kp_error *e);

/* An objective and its filled state struct. */
KP_NODISCARD enum kp_status rig_objective(struct rig *r, const char *name, const char *options,
                                          const struct kp_objective_def **def, void **self,
                                          struct kp_error *e);

#endif
