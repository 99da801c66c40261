/* plugin.h - the one symbol that a plugin exports. */
#ifndef KAPPA_PLUGIN_H
#define KAPPA_PLUGIN_H

#include "kappa/dataset.h"
#include "kappa/metric.h"
#include "kappa/model.h"
#include "kappa/objective.h"
#include "kappa/op.h"

/* Constant data: the host lists a plugin without running any of its code. Each list ends with NULL;
 * a NULL list is empty. Grows at the end only. */
struct kp_plugin {
    struct kp_abi abi;
    const char *name;    /* [a-z0-9_]+; the file is <name>.so */
    const char *version; /* free form, stored with each run */
    const struct kp_model_def *const *models;
    const struct kp_objective_def *const *objectives;
    const struct kp_metric_def *const *metrics;
    /* Since 1.2. */
    const struct kp_op_def *const *ops;
    const struct kp_dataset_def *const *datasets;
};

/* Lists that a plugin of an older minor has not. */
static inline const struct kp_op_def *const *kp_plugin_ops(const struct kp_plugin *p)
{
    return p->abi.size > offsetof(struct kp_plugin, ops) ? p->ops : NULL;
}

static inline const struct kp_dataset_def *const *kp_plugin_datasets(const struct kp_plugin *p)
{
    return p->abi.size > offsetof(struct kp_plugin, datasets) ? p->datasets : NULL;
}

/* The symbol carries the ABI major, so that a plugin of another major is recognised by name. */
#define KP_PLUGIN_SYMBOL "kp_plugin_v1"

/* const struct kp_plugin KP_PLUGIN = { .abi = KP_ABI, .name = "mlp", ... }; */
#define KP_PLUGIN kp_plugin_v1
#define KP_ABI                                                                             \
    {                                                                                      \
        KP_ABI_MAGIC, sizeof(struct kp_plugin), KP_ABI_MAJOR, KP_ABI_MINOR, sizeof(void *) \
    }

KP_EXTERN_C KP_EXPORT const struct kp_plugin KP_PLUGIN;

/* A plugin that is one objective, NAME without quotes; behind the version stand the members of
 * struct kp_objective_def but size and name:
 *
 *   KP_OBJECTIVE(lt, "1", .doc = "...", .formula = "CE(z, y)", .row = &lt_row);
 *
 * nvcc, which sees such a file for its row functions alone, skips it. */
#ifdef __CUDACC__
#define KP_OBJECTIVE(NAME, VERSION, ...) struct kp_row_loss
#else
#define KP_OBJECTIVE(NAME, VERSION, ...)                                      \
    static const struct kp_objective_def NAME##_objective = {                 \
        .size = sizeof(struct kp_objective_def), .name = #NAME, __VA_ARGS__}; \
    const struct kp_plugin KP_PLUGIN = {                                      \
        .abi = KP_ABI,                                                        \
        .name = #NAME,                                                        \
        .version = VERSION,                                                   \
        .objectives = (const struct kp_objective_def *const[]){&NAME##_objective, NULL}}
#endif

#endif
