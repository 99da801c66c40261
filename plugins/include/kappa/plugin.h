/* plugin.h - the one symbol that a plugin exports. */
#ifndef KAPPA_PLUGIN_H
#define KAPPA_PLUGIN_H

#include "kappa/metric.h"
#include "kappa/model.h"
#include "kappa/objective.h"

/* Constant data: the host lists a plugin without running any of its code. Each list ends with NULL;
 * a NULL list is empty. Grows at the end only. */
struct kp_plugin {
    struct kp_abi abi;
    const char *name;    /* [a-z0-9_]+; the file is <name>.so */
    const char *version; /* free form, stored with each run */
    const struct kp_model_def *const *models;
    const struct kp_objective_def *const *objectives;
    const struct kp_metric_def *const *metrics;
};

/* The symbol carries the ABI major, so that a plugin of another major is recognised by name. */
#define KP_PLUGIN_SYMBOL "kp_plugin_v1"

/* const struct kp_plugin KP_PLUGIN = { .abi = KP_ABI, .name = "mlp", ... }; */
#define KP_PLUGIN kp_plugin_v1
#define KP_ABI                                                                             \
    {                                                                                      \
        KP_ABI_MAGIC, sizeof(struct kp_plugin), KP_ABI_MAJOR, KP_ABI_MINOR, sizeof(void *) \
    }

KP_EXTERN_C KP_EXPORT const struct kp_plugin KP_PLUGIN;

#endif
