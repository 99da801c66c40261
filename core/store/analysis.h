/* analysis.h - what analyses of finished runs add to the run database. */
#ifndef KP_STORE_ANALYSIS_H
#define KP_STORE_ANALYSIS_H

#include "store/store.h"

/* A result of `run_uid`: a run that was looked at, or the analysis itself. */
struct kp_measured_row {
    const char *run_uid;
    const char *split, *key;
    double kappa;
    double value;
    const char *partner_uid; /* run that it was compared with; "" or NULL: none */
};

/* A value that compares two runs. */
struct kp_compared_row {
    const char *uid_a, *uid_b;
    const char *key, *split;
    const char *estimator;
    int64_t n;
    double kappa; /* of run a's curve */
    double value;
};

/* The runs that an analysis looks at, subjects and partners, recorded with its row. */
KP_NODISCARD enum kp_status kp_store_subjects(struct kp_store *s, const char *uid,
                                              const char *const *uids, int64_t count,
                                              struct kp_error *e);

/* End an analysis as done, in one transaction with all that it found. KP_E_STORE if this process
 * does not hold it or if a run is not there. KP_E_CONFIG if a run has such a result from an
 * analysis with other settings: one of them needs a label ([analysis.cka.LABEL]). A subject's
 * result is kept once for each teacher: where its run already has it from a comparison with another
 * teacher, only the comparison is recorded. */
KP_NODISCARD enum kp_status kp_store_end_analysis(struct kp_store *s, const char *uid,
                                                  const struct kp_measured_row *results,
                                                  int64_t result_count,
                                                  const struct kp_compared_row *pairs,
                                                  int64_t pair_count, struct kp_error *e);

/* Examples that a run had seen when it was evaluated at `kappa`; *found = false: it was not. */
KP_NODISCARD enum kp_status kp_store_samples_at(struct kp_store *s, const char *uid, double kappa,
                                                int64_t *samples, bool *found, struct kp_error *e);

/* Pairs of uids that a query gives: pairs[2 i], pairs[2 i + 1]; free() it. Runs that are not done
 * are passed over. Reads only. */
KP_NODISCARD enum kp_status kp_store_query_pairs(struct kp_store *s, const char *sql,
                                                 char (**pairs)[KP_UID_SIZE], int64_t *count,
                                                 struct kp_error *e);

#endif
