/* analysis.h - what every [analysis.PLUGIN] or [analysis.PLUGIN.LABEL] section may say. */
#ifndef KP_CONFIG_ANALYSIS_H
#define KP_CONFIG_ANALYSIS_H

#include "host/registry.h"

/* Sections of one experiment. */
#define KP_ANALYSES_MAX 32

/* The runs that are looked at. NONE leaves the analysis out. */
enum kp_analysis_of {
    KP_OF_CELLS = 0,
    KP_OF_TEACHER = 1,
    KP_OF_INIT = 2, /* the cells as they were before training */
    KP_OF_NONE = 3,
};

/* What they are compared with. AUTO: the teacher, for a plugin that compares; else nothing. */
enum kp_analysis_with {
    KP_WITH_AUTO = 0,
    KP_WITH_NONE = 1,
    KP_WITH_TEACHER = 2,
    KP_WITH_INIT = 3, /* their own initial weights */
    KP_WITH_EACH_OTHER = 4,
};

enum kp_analysis_split {
    KP_ANALYSE_TEST = 0,
    KP_ANALYSE_TRAIN = 1, /* what the (first) subject trained on */
};

enum kp_analysis_at {
    KP_ANALYSE_END = 0,
    KP_ANALYSE_KAPPAS = 1, /* each kappa at which a run kept its weights, and the last */
};

/* Longest addition to the name of a result: "_of_init" or "_init", and "_LABEL". */
#define KP_ANALYSIS_SUFFIX 32

struct kp_analysis_settings {
    int of, with, split, at;
    const char *query; /* two columns of uids, pairs of finished runs in place of of and with */
};

extern const struct kp_option_table kp_analysis_table;

/* ".unbiased" behind the plugin's name: a dot and 1 to 16 of a-z 0-9 _. */
bool kp_analysis_is_label(const char *s, size_t n);

/* One section, resolved. */
struct kp_analysis_config {
    const char *section; /* "cka", "cka.unbiased" */
    const char *label;   /* "unbiased", or "" */
    const struct kp_metric_def *def;
    const struct kp_loaded *from;
    struct kp_analysis_settings core;
    const char *origin;
};

/* With AUTO settled. */
enum kp_analysis_with kp_analysis_partner(const struct kp_analysis_config *a);

/* With each_other and query considered. */
enum kp_analysis_scope kp_analysis_scope_of(const struct kp_analysis_config *a);

#endif
