/* guarded.h - a plugin's definition as the tests use it: the host sees a definition of the same
 * kind whose functions call the plugin's under guard.
 *
 * Its state struct ends where forbidden memory begins, and may be written in build() only. Memory
 * that build() asks for is guarded too. Before each call the stack below is filled with a pattern.
 */
#ifndef KP_CONFORM_GUARDED_H
#define KP_CONFORM_GUARDED_H

#include "base/arena.h"
#include "conform/guard.h"
#include "conform/use.h"
#include "kappa/plugin.h"

struct kp_guarded {
    struct kp_slate *slate; /* NULL in threads */
    struct kp_guards guards;
    struct kp_arena memory; /* of lists and texts of options */
    void *self;             /* the plugin's state struct */
    int poison;
    int64_t fail_at, requests;
    bool *failed;
    const struct kp_model_def *real_model;
    const struct kp_objective_def *real_objective;
    const struct kp_row_loss *real_row; /* of the objective, or NULL */
    struct guarded_row_float *row_float;
    struct guarded_row_double *row_double;
    const struct kp_op_def *real_op;
    struct kp_op_def op; /* with this struct as its self */
    struct kp_error guard_error;
    const char *wrong; /* what the plugin did that it must not do; NULL: nothing that was seen */
    struct kp_model_def model;         /* with this struct as its self */
    struct kp_objective_def objective; /* with this struct as its self */
};

/* Fill a state struct: defaults (or the least of what is allowed, where a key must be given), and
 * the use's own option. The caller finishes `out` also after an error. */
KP_NODISCARD enum kp_status kp_guarded_open(const struct kp_trial *t, const struct kp_use *u,
                                            const struct kp_option_table *options, size_t self_size,
                                            struct kp_guarded *out, struct kp_error *e);
KP_NODISCARD enum kp_status kp_guarded_model(const struct kp_trial *t, const struct kp_use *u,
                                             struct kp_guarded *out, struct kp_error *e);
KP_NODISCARD enum kp_status kp_guarded_objective(const struct kp_trial *t, const struct kp_use *u,
                                                 struct kp_guarded *out, struct kp_error *e);
KP_NODISCARD enum kp_status kp_guarded_op(const struct kp_trial *t, const struct kp_use *u,
                                          struct kp_guarded *out, struct kp_error *e);
void kp_guarded_finish(struct kp_guarded *w);

/* KP_E_INVALID if the plugin wrote where it must not. */
KP_NODISCARD enum kp_status kp_guarded_check(const struct kp_guarded *w, struct kp_error *e);

/* The plugin's function of this name is about to be called, or has returned (NULL). */
void kp_guarded_call(const struct kp_guarded *w, const char *function);

/* Row functions whose self is a struct kp_guarded. */
extern const struct kp_row_loss kp_guarded_row;

/* The least and the greatest text that an option allows, or word number i of an enum; NULL: there
 * is none. In the arena. */
const char *kp_option_bound(const struct kp_option *o, int i, struct kp_arena *a);

/* Memory that nobody has written holds this byte from now on: the stack below the caller, and what
 * malloc() gives. */
void kp_poison(int byte);

#endif
