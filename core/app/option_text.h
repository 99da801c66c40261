/* option_text.h - an option table with the values in force, for people. */
#ifndef KP_APP_OPTION_TEXT_H
#define KP_APP_OPTION_TEXT_H

#include "base/text.h"
#include "host/options.h"

struct kp_option_values {
    const struct kp_option_table *options;
    struct kp_arena *memory;
    const char **value; /* [options->count]; NULL: must be given and is not */
};

/* The defaults. false: out of memory. */
bool kp_option_values_init(struct kp_option_values *v, const struct kp_option_table *options,
                           struct kp_arena *memory);

/* "key=value". */
KP_NODISCARD enum kp_status kp_option_values_set(struct kp_option_values *v, const char *text,
                                                 struct kp_error *e);

/* One line for each option: "key = value   type and range   what it means". */
void kp_option_values_print(const struct kp_option_values *v);

/* An objective's formula (see kappa/objective.h) with the options in force; `names`: with the names
 * of options in place of their values, in the form that the values choose. */
void kp_option_values_fill_in(const struct kp_option_values *v, const char *formula, bool names,
                              struct kp_text *out);

#endif
