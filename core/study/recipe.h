/* recipe.h - from a configuration to what the trainer needs. */
#ifndef KP_STUDY_RECIPE_H
#define KP_STUDY_RECIPE_H

#include "study/study.h"

/* The model of a configuration with a fresh state struct, which lives as long as the configuration.
 */
KP_NODISCARD enum kp_status kp_recipe_model(struct kp_config *c, struct kp_model_use *out,
                                            struct kp_error *e);

/* train.precision. */
enum kp_precision kp_recipe_precision(const struct kp_config *c);

/* `teacher`: the configuration of the teacher, or NULL. Everything lives as long as `c`. */
KP_NODISCARD enum kp_status kp_recipe_make(struct kp_config *c, const struct kp_config *teacher,
                                           const struct kp_registry *registry,
                                           struct kp_recipe *out, struct kp_error *e);

#endif
