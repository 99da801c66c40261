/* schema.h - every key that a configuration may hold: the core's and those of the open plugins. */
#ifndef KP_CONFIG_SCHEMA_H
#define KP_CONFIG_SCHEMA_H

#include "base/text.h"
#include "config/settings.h"
#include "host/registry.h"

enum kp_owner {
    KP_OWNER_CORE = 0,   /* a field of struct kp_settings */
    KP_OWNER_CHOICE = 1, /* model.plugin, objective.plugin; experiment, run and file of [teacher]
                            and [init] */
    KP_OWNER_MODEL = 2,
    KP_OWNER_OBJECTIVE = 3,
    KP_OWNER_METRIC = 4,
    KP_OWNER_ANALYSIS = 5, /* two tables of one section: the host's options and the plugin's */
    KP_OWNER_DATASET = 6,
};

/* Options that share a section's name. */
struct kp_table {
    const char *section; /* "data", or the prefix "model", "objective", "metric", "analysis",
                            "data" of a plugin's; behind an analysis's plugin may stand ".label" */
    const char *plugin;  /* NULL unless it is one's */
    enum kp_owner owner;
    const struct kp_option_table *options;
    const bool *hashed; /* [options.count]; NULL: all, but none of a metric's */
};

struct kp_known {
    struct kp_table table;
    const struct kp_option *option;
};

/* The tables, one after another: number 0, 1, ...; false behind the last. */
bool kp_schema_table(const struct kp_registry *r, int64_t number, struct kp_table *out);

/* The option of a full key ("data.kappa", "objective.kd.tau"); false if there is none. */
bool kp_schema_find(const struct kp_registry *r, const char *key, struct kp_known *out);

/* Is there such a section ("data", "objective.kd")? */
bool kp_schema_has_section(const struct kp_registry *r, const char *name);

/* Say what is wrong with a key that is not known: "unknown key; did you mean data.kappa?". */
void kp_schema_explain(const struct kp_registry *r, const char *key, struct kp_text *out);

/* Say which plugins of a kind there are: "unknown objective 'dk'; did you mean 'kd'? known: kd lt".
 */
void kp_schema_explain_plugin(const struct kp_registry *r, enum kp_owner kind, const char *name,
                              struct kp_text *out);

#endif
