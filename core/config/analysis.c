/* analysis.c - the options that all analyses share. */
#include "config/analysis.h"

#include <string.h>

#define S struct kp_analysis_settings

static const char *const of_words[] = {"cells", "teacher", "init", "none", NULL};
static const char *const with_words[] = {"auto", "none", "teacher", "init", "each_other", NULL};
static const char *const split_words[] = {"test", "train", NULL};
static const char *const at_words[] = {"end", "kappas", NULL};

static const struct kp_option options[] = {
    KP_ENUM(S, of, "of", "cells", of_words,
            "runs to look at: the experiment's cells, their teachers, the cells before training, "
            "or none at all"),
    KP_ENUM(S, with, "with", "auto", with_words,
            "compared with: their teacher, their own initial weights, or each other; auto: the "
            "teacher where the analysis compares"),
    KP_ENUM(S, split, "split", "test", split_words,
            "examples: the test split, or those that the (first) run trained on"),
    KP_ENUM(
        S, at, "at", "end", at_words,
        "weights: the last ones, or also those that the runs kept at each of train.eval_kappas"),
    KP_STRING(S, query, "query", "",
              "SQL that gives pairs of uids of finished runs, in place of of and with"),
};

const struct kp_option_table kp_analysis_table = KP_OPTIONS(options);

bool kp_analysis_is_label(const char *s, size_t n)
{
    return n >= 2 && n <= 17 && s[0] == '.' &&
           strspn(s + 1, "abcdefghijklmnopqrstuvwxyz0123456789_") >= n - 1;
}

enum kp_analysis_with kp_analysis_partner(const struct kp_analysis_config *a)
{
    const struct kp_analyser *y = kp_metric_analyser(a->def);

    if (a->core.with != KP_WITH_AUTO)
        return (enum kp_analysis_with)a->core.with;
    return y->needs & KP_ANALYSIS_NEEDS_PAIRS ? KP_WITH_TEACHER : KP_WITH_NONE;
}

enum kp_analysis_scope kp_analysis_scope_of(const struct kp_analysis_config *a)
{
    if (a->core.query[0] || a->core.with == KP_WITH_EACH_OTHER)
        return KP_SCOPE_ALL;
    return kp_metric_analyser(a->def)->scope;
}
