/* state.h - an analysis in progress, shared by the files of this room. */
#ifndef KP_ANALYSE_STATE_H
#define KP_ANALYSE_STATE_H

#include "analyse/analyse.h"
#include "base/pool.h"

/* A net of the job, opened on first use. */
struct kp_open_net {
    struct kp_net *net;
    struct kp_state *state;
    struct kp_program *program; /* EVAL, with taps; with logits once somebody asked for them */
    struct kp_exec *exec;
    float *mean, *sd;
    struct kp_net_facts facts; /* size 0: not filled yet */
    struct kp_param_block *blocks;
};

/* Workers that differentiate single examples of one net, each on a device of its own. */
struct kp_grads {
    int64_t net; /* -1: none yet */
    int count;
    struct kp_device **device; /* [count]; kept from net to net */
    struct kp_state **state;
    struct kp_program **program;
    struct kp_exec **exec;
    float **scratch; /* [params] each */
};

/* What the plugin emitted. */
struct kp_finding {
    char key[112];
    const char *unit;
    bool higher_is_better;
    int64_t subject; /* -1: of the analysis as a whole */
    int64_t pair;    /* -1: no pair */
    char estimator[64];
    int64_t n;
    double value;
};

struct kp_found_array {
    char name[64], key[112];
    const char *unit;
    bool higher_is_better;
    struct kp_shape shape;
    double *v;
};

struct kp_analysis_block; /* memory that a plugin asked for */

struct kp_analysing {
    struct kp_analysis head; /* first: plugins see a pointer to it */
    const struct kp_analyse_job *job;
    const struct kp_analyser *analyser;
    struct kp_error *error;
    struct kp_pool *pool;
    struct kp_analysis_block *memory;
    struct kp_open_net *nets;
    struct kp_grads grads;
    int64_t *order[4]; /* examples by enum kp_rows_from, made on first use */
    int64_t order_count[4];
    int64_t example_rows; /* rows of an example: 1, or the tokens of a text's */

    struct kp_finding *found;
    int64_t found_count, found_room;
    struct kp_found_array *arrays;
    int64_t array_count, array_room;

    double begun, done, total;
    int64_t samples; /* examples read */
};

static inline struct kp_analysing *kp_analysing_of(struct kp_analysis *a)
{
    return (struct kp_analysing *)a;
}

static inline bool kp_analysing_failed(const struct kp_analysing *x)
{
    return x->error->status != KP_OK;
}

/* Tell the watcher; a wish to stop becomes the error. False after an error. */
bool kp_analysing_tell(struct kp_analysing *x);

/* nets.c */
struct kp_open_net *kp_analysing_net(struct kp_analysing *x, int64_t net); /* NULL after an error */
/* The same with a program that gives logits, too. */
struct kp_open_net *kp_analysing_net_with_logits(struct kp_analysing *x, int64_t net);
/* Elements of a batched value for one row; 0: it has not one part for each row. */
int64_t kp_analysing_width(const struct kp_analysing *x, const struct kp_value *v);
void kp_analysing_close_nets(struct kp_analysing *x);
const struct kp_net_facts *kp_analysis_facts(struct kp_analysis *a, int64_t net);
int64_t kp_analysis_tap_width(struct kp_analysis *a, int64_t net, const char *tap);
int64_t kp_analysis_blocks(struct kp_analysis *a, int64_t net, const struct kp_param_block **out);
enum kp_status kp_analysis_read_params(struct kp_analysis *a, int64_t net, int64_t first,
                                       int64_t count, float *out);

/* order.c */
/* Before the plugin is called: which examples of the test split there are to look at. */
KP_NODISCARD enum kp_status kp_analysing_list_test(struct kp_analysing *x);
/* With KP_ROWS_SPLIT settled. */
enum kp_rows_from kp_analysing_from(const struct kp_analysing *x, enum kp_rows_from from);
/* Numbers of the examples, in order; `from` settled. NULL after an error. */
const int64_t *kp_analysing_order(struct kp_analysing *x, enum kp_rows_from from, int64_t *count);
int64_t kp_analysis_rows(const struct kp_analysis *a, enum kp_rows_from from);

/* rows.c */
enum kp_status kp_analysis_read(struct kp_analysis *a, int64_t net, const struct kp_read *r);

/* Call `take` with each batch of at most `batch` of the examples that hold the rows of `r`, in
 * order; the first row of the batch is number `at` of those, below 0 where they begin inside. */
enum kp_status kp_analysing_walk(struct kp_analysing *x, const struct kp_read *r, int64_t batch,
                                 enum kp_status (*take)(void *arg, const struct kp_batch *b,
                                                        int64_t at),
                                 void *arg);

/* What load_batch needs for a batch of the dataset. */
struct kp_load kp_analysing_load(const struct kp_analysing *x, const struct kp_open_net *n,
                                 const struct kp_batch *b);

/* grads.c */
enum kp_status kp_analysis_example_grads(struct kp_analysis *a, int64_t net,
                                         const struct kp_read *r, const float *cotangent,
                                         int64_t param_first, int64_t param_count, float *out);
void kp_analysing_close_grads(struct kp_analysing *x);

/* matrix.c */
void kp_analysis_gemm(struct kp_analysis *a, bool turn_x, bool turn_y, int64_t m, int64_t n,
                      int64_t k, const double *x, const double *y, double beta, double *c);
void kp_analysis_gram(struct kp_analysis *a, int64_t n, int64_t k, const double *x, double beta,
                      double *c);
void kp_analysis_gram_f32(struct kp_analysis *a, int64_t n, int64_t k, const float *x, double beta,
                          double *c);
enum kp_status kp_analysis_eigenvalues(struct kp_analysis *a, int64_t n, double *c, double *values);

/* minimise.c */
enum kp_status kp_analysis_minimise(struct kp_analysis *a, struct kp_minimise *how,
                                    kp_objective_fn f, void *arg, int64_t n, double *x);

/* emit.c */
void kp_analysis_emit(struct kp_analysis *a, int64_t subject, const char *name, double value);
void kp_analysis_emit_pair(struct kp_analysis *a, int64_t pair, const char *name,
                           const char *estimator, int64_t n, double value);
void kp_analysis_emit_array(struct kp_analysis *a, const char *name, struct kp_shape shape,
                            const double *v);

/* keep.c: the run's end. */
KP_NODISCARD enum kp_status kp_analysing_keep(struct kp_analysing *x, struct kp_error *e);
void kp_analysing_forget(struct kp_analysing *x);

#endif
