/* registry.h - the plugins that are open, by kind and name. */
#ifndef KP_HOST_REGISTRY_H
#define KP_HOST_REGISTRY_H

#include "base/hash.h"
#include "base/text.h"
#include "kappa/plugin.h"

/* What a plugin may define. */
enum kp_kind {
    KP_KIND_MODEL = 0,
    KP_KIND_OBJECTIVE = 1,
    KP_KIND_METRIC = 2,
    KP_KIND_OP = 3,
    KP_KIND_DATASET = 4,
    KP_KINDS = 5,
};

extern const char *const kp_kind_names[KP_KINDS];
enum kp_kind kp_kind_of(const char *name); /* KP_KINDS: no kind has it */

/* Definition number i of a kind in the plugin's list, and its name; NULL behind the last. */
const void *kp_plugin_definition(const struct kp_plugin *p, enum kp_kind kind, int64_t i,
                                 const char **name);

/* One opened plugin file; stays open until the process ends. Or one that is a part of the program.
 */
struct kp_loaded {
    const struct kp_plugin *plugin;
    char *path;                /* "built in" */
    char sha256[KP_HASH_SIZE]; /* of the file; "" where there is none */
};

struct kp_registry {
    struct kp_loaded **loaded; /* [count]; what they point to stays when more are opened */
    int64_t count, room;
};

/* Open one plugin file and add it. Refuses, and says what to do: a file without entry symbol, one
 * of another ABI major or a newer minor (naming both versions and "rebuild it"), a malformed
 * manifest or option table, a second plugin of the same kind and name (naming both files). RTLD_NOW
 * | RTLD_LOCAL. */
KP_NODISCARD enum kp_status kp_registry_open(struct kp_registry *r, const char *path,
                                             struct kp_error *e);

/* Add a plugin that is a part of the program. Checked as a file's is. */
KP_NODISCARD enum kp_status kp_registry_add(struct kp_registry *r, const struct kp_plugin *p,
                                            struct kp_error *e);

/* Open every *.so of a folder, in name order. A missing folder is an error. A file that is refused
 * does not stop the others; each refusal adds a line to `report`. */
KP_NODISCARD enum kp_status kp_registry_scan(struct kp_registry *r, const char *folder,
                                             struct kp_text *report, struct kp_error *e);

/* The folders where this build or installation keeps its plugins (models, objectives, metrics),
 * relative to the running program, then those of $KAPPA_PLUGINS (separated by ':'). Never the
 * working directory by itself. */
KP_NODISCARD enum kp_status kp_registry_scan_default(struct kp_registry *r, struct kp_text *report,
                                                     struct kp_error *e);

void kp_registry_finish(struct kp_registry *r);

/* NULL if there is none. `from`, if not NULL, receives the plugin that holds it. */
const void *kp_registry_find(const struct kp_registry *r, enum kp_kind kind, const char *name,
                             const struct kp_loaded **from);
const struct kp_model_def *kp_registry_model(const struct kp_registry *r, const char *name,
                                             const struct kp_loaded **from);
const struct kp_objective_def *kp_registry_objective(const struct kp_registry *r, const char *name,
                                                     const struct kp_loaded **from);
const struct kp_metric_def *kp_registry_metric(const struct kp_registry *r, const char *name,
                                               const struct kp_loaded **from);
const struct kp_op_def *kp_registry_op(const struct kp_registry *r, const char *name,
                                       const struct kp_loaded **from);
const struct kp_dataset_def *kp_registry_dataset(const struct kp_registry *r, const char *name,
                                                 const struct kp_loaded **from);

#endif
