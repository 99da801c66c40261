/* made_analysis.h - the host's side of kappa/analysis.h without a study: nets, rows and features
 * are made up, and what the plugin emits is checked and kept as a hash. */
#ifndef KP_CONFORM_MADE_ANALYSIS_H
#define KP_CONFORM_MADE_ANALYSIS_H

#include "base/hash.h"
#include "conform/guard.h"
#include "kappa/metric.h"

#define KP_MADE_NETS 4

struct kp_made_analysis {
    struct kp_analysis head; /* first: plugins see a pointer to it */
    const struct kp_analyser *analyser;
    struct kp_guards memory;
    struct kp_error *error;
    uint64_t seed;
    int64_t rows; /* that there are of each sort */
    int64_t subjects, nets, pair_count;
    struct kp_net_pair pairs[KP_MADE_NETS];
    struct kp_net_facts facts[KP_MADE_NETS];
    struct kp_hasher *found; /* names and values */
    int64_t emitted;
    char absent[256]; /* why nothing is emitted */
    int64_t fail_at, requests;
    bool *failed;
};

/* As the analyser's needs and scope ask for it. `found` gets all that is emitted. The caller
 * finishes `memory`. */
void kp_made_analysis_init(struct kp_made_analysis *a, const struct kp_analyser *analyser,
                           int64_t rows, uint64_t seed, struct kp_hasher *found,
                           struct kp_error *e);

/* made_matrix.c: plain loops for the functions of struct kp_analysis_fn. */
void kp_made_gemm(struct kp_analysis *a, bool turn_x, bool turn_y, int64_t m, int64_t n, int64_t k,
                  const double *x, const double *y, double beta, double *c);
void kp_made_gram(struct kp_analysis *a, int64_t n, int64_t k, const double *x, double beta,
                  double *c);
void kp_made_gram_f32(struct kp_analysis *a, int64_t n, int64_t k, const float *x, double beta,
                      double *c);
enum kp_status kp_made_eigenvalues(struct kp_analysis *a, int64_t n, double *c, double *values);
enum kp_status kp_made_minimise(struct kp_analysis *a, struct kp_minimise *how, kp_objective_fn f,
                                void *arg, int64_t n, double *x);

/* Has an earlier call failed, or is this the one that must? Every function asks first. */
bool kp_made_stopped(struct kp_analysis *a);

#endif
