/* analysis.h - what a plugin sees of finished runs when it analyses them. */
#ifndef KAPPA_ANALYSIS_H
#define KAPPA_ANALYSIS_H

#include "kappa/option.h"
#include "kappa/shape.h"

/* One number that a metric or an analysis gives, stored as "<split>/<name>". */
struct kp_metric_value {
    const char *name; /* [a-z0-9_]+ */
    const char *unit; /* "%", "nats", "" */
    bool higher_is_better;
    const char *doc;
};

/* The members values, value_count and value_size of a definition, from an array. */
#define KP_VALUES(array)                                                  \
    .values = (array), .value_count = sizeof(array) / sizeof((array)[0]), \
    .value_size = sizeof(struct kp_metric_value)

/* Which runs one call of analyse() looks at.
 *   EACH   one subject, and the partner it is compared with if there is one
 *   GROUP  all subjects that differ in their seed only
 *   ALL    all subjects of the experiment
 * `with = each_other` and `query` make it ALL. */
enum kp_analysis_scope {
    KP_SCOPE_EACH = 0,
    KP_SCOPE_GROUP = 1,
    KP_SCOPE_ALL = 2,
};

/* What an analysis asks of the host before it runs. Combine with |. */
enum kp_analysis_need {
    KP_ANALYSIS_READS_ROWS = 1,   /* kp_read(); without it results have no split */
    KP_ANALYSIS_READS_GRADS = 2,  /* kp_example_grads() */
    KP_ANALYSIS_NEEDS_PAIRS = 4,  /* `with` must not be none */
    KP_ANALYSIS_REFUSES_PAIRS = 8 /* `with` must be none */
};

/* Which examples. The order is one fixed permutation for each dataset, so that the first n are a
 * random choice and the same for every net; OWN_TRAIN is in the order in which they were drawn.
 *
 * Of a text each token is an example here: what is said of examples below, of how many there are,
 * of which are read, of their features, logits and labels, is said of tokens, those of a window one
 * behind the other. Windows are permuted, not tokens; of the test split only those are there that
 * have a label for each token. */
enum kp_rows_from {
    KP_ROWS_SPLIT = 0,     /* of the analysis's `split`: TEST or OWN_TRAIN */
    KP_ROWS_TEST = 1,      /* the test split */
    KP_ROWS_OWN_TRAIN = 2, /* what the first subject trained on */
    KP_ROWS_TRAIN = 3,     /* all training examples but the development split */
};

/* A net looked at: subjects come first, then the partners that are no subjects themselves. */
struct kp_net_facts {
    size_t size;
    const char *uid;      /* of its run; "" for a weights file */
    bool initial;         /* its weights before training */
    int64_t params;       /* trainable scalars */
    int64_t width;        /* of the features; 0: the model names none */
    int64_t trained_on;   /* M: training examples, of a text windows */
    int64_t pool;         /* examples that these were drawn from */
    double kappa;         /* 1 for a teacher; of its curve, where it is looked at before its end */
    int64_t seed;         /* seed.master */
    int64_t subset_seed;  /* of the draw of its training examples */
    double forward_flops; /* of one example, of a text a window: 2 x multiply-adds of convolutions,
                             linear layers and attention */
    double train_flops;   /* of the training so far, the teacher's forward passes included */
};

/* Two nets to compare, by number. */
struct kp_net_pair {
    int64_t a, b;
};

/* Examples to read. Buffers that are NULL are not filled. */
struct kp_read {
    size_t size;
    enum kp_rows_from from;
    int64_t first, count;
    float *logits;   /* [count][classes] */
    float *features; /* [count][width] */
    int32_t *labels; /* [count], -1 for none */
    const char *tap; /* name of an inner tensor (kp_tap), or NULL */
    float *tapped;   /* [count][elements of the tap] */
};

/* Parameters as one vector: the blocks in order of declaration. */
struct kp_param_block {
    const char *name;
    struct kp_shape shape;
    int64_t first; /* number of its first scalar */
};

/* f(x) and its gradient g[n]. */
typedef double (*kp_objective_fn)(void *arg, const double *x, double *g, int64_t n);

struct kp_minimise {
    size_t size;
    double tolerance;       /* stop when the largest absolute element of g is below it */
    int64_t max_iterations; /* 0: no limit */
    /* filled in */
    int64_t iterations;
    double value;
    bool converged; /* by the tolerance */
};

struct kp_analysis;

/* Function table of an analysis, given by the host. Append only. Arguments as in the functions
 * below. */
struct kp_analysis_fn {
    size_t size;
    enum kp_status (*status)(const struct kp_analysis *a);
    enum kp_status (*fail)(struct kp_analysis *a, enum kp_status st, const char *fmt, ...)
        KP_PRINTF(3, 4);
    void (*absent)(struct kp_analysis *a, const char *fmt, ...) KP_PRINTF(2, 3);
    void *(*alloc)(struct kp_analysis *a, size_t count, size_t size);
    void (*release)(struct kp_analysis *a, void *p);
    bool (*progress)(struct kp_analysis *a, double done, double total);

    int64_t (*subjects)(const struct kp_analysis *a);
    int64_t (*nets)(const struct kp_analysis *a);
    int64_t (*pairs)(const struct kp_analysis *a, const struct kp_net_pair **out);
    int64_t (*classes)(const struct kp_analysis *a);
    int64_t (*rows)(const struct kp_analysis *a, enum kp_rows_from from);
    const struct kp_net_facts *(*facts)(struct kp_analysis *a, int64_t net);
    int64_t (*tap_width)(struct kp_analysis *a, int64_t net, const char *tap);
    int64_t (*blocks)(struct kp_analysis *a, int64_t net, const struct kp_param_block **out);
    enum kp_status (*read)(struct kp_analysis *a, int64_t net, const struct kp_read *r);
    enum kp_status (*example_grads)(struct kp_analysis *a, int64_t net, const struct kp_read *r,
                                    const float *cotangent, int64_t param_first,
                                    int64_t param_count, float *out);

    void (*gemm)(struct kp_analysis *a, bool turn_x, bool turn_y, int64_t m, int64_t n, int64_t k,
                 const double *x, const double *y, double beta, double *c);
    void (*gram)(struct kp_analysis *a, int64_t n, int64_t k, const double *x, double beta,
                 double *c);
    void (*gram_f32)(struct kp_analysis *a, int64_t n, int64_t k, const float *x, double beta,
                     double *c);
    enum kp_status (*eigenvalues)(struct kp_analysis *a, int64_t n, double *c, double *values);
    enum kp_status (*minimise)(struct kp_analysis *a, struct kp_minimise *how, kp_objective_fn f,
                               void *arg, int64_t n, double *x);

    void (*emit)(struct kp_analysis *a, int64_t subject, const char *name, double value);
    void (*emit_pair)(struct kp_analysis *a, int64_t pair, const char *name, const char *estimator,
                      int64_t n, double value);
    void (*emit_array)(struct kp_analysis *a, const char *name, struct kp_shape shape,
                       const double *v);

    /* since 1.3 */
    enum kp_status (*read_params)(struct kp_analysis *a, int64_t net, int64_t first, int64_t count,
                                  float *out);
};

/* Public head of an analysis; the host's private part follows it. */
struct kp_analysis {
    const struct kp_analysis_fn *fn;
};

/* The second face of a metric plugin. */
struct kp_analyser {
    size_t size;
    uint32_t needs; /* enum kp_analysis_need */
    enum kp_analysis_scope scope;
    const struct kp_metric_value *values; /* [value_count] that emit and emit_pair may name */
    uint32_t value_count;
    uint32_t value_size; /* sizeof(struct kp_metric_value) */

    /* Look at the nets and emit. `self` is the state struct with the options of [analysis.NAME].
     * Called on one thread; the helpers below use the others. */
    enum kp_status (*analyse)(const void *self, struct kp_analysis *a);
};

/* Errors are sticky: after the first one every call does nothing (memory is NULL, numbers are 0)
 * and kp_analysis_status() tells; check before results are used, and at the end. Stopping an
 * analysis (Ctrl-C) is such an error. All matrices are row-major without gaps. */
KP_NODISCARD static inline enum kp_status kp_analysis_status(const struct kp_analysis *a)
{
    return a->fn->status(a);
}

/* Record why, return `st`:  return kp_analysis_fail(a, KP_E_SHAPE, "want %d", n); */
#define kp_analysis_fail(a, st, ...) ((a)->fn->fail((a), (st), __VA_ARGS__))

/* Something cannot be measured here (too few examples, widths that differ): say why, emit nothing,
 * return KP_OK. Stored as an event of the analysis. */
#define kp_analysis_absent(a, ...) ((a)->fn->absent((a), __VA_ARGS__))

/* Zeroed memory that ends with the analysis, or with kp_analysis_release(). NULL after an error. */
#define kp_analysis_alloc(a, type, count) \
    ((type *)(a)->fn->alloc((a), (size_t)(count), sizeof(type)))

static inline void kp_analysis_release(struct kp_analysis *a, void *p)
{
    a->fn->release(a, p);
}

/* Tell how much is done, in any unit; false if the analysis is to stop. Reading rows and the matrix
 * helpers look for the stop themselves. */
static inline bool kp_analysis_progress(struct kp_analysis *a, double done, double total)
{
    return a->fn->progress(a, done, total);
}

static inline int64_t kp_subject_count(const struct kp_analysis *a)
{
    return a->fn->subjects(a);
}

static inline int64_t kp_net_count(const struct kp_analysis *a)
{
    return a->fn->nets(a);
}

/* Pairs to compare: each subject with its partner (with = teacher, init), every subject with every
 * subject, itself included (each_other), or those of the query. */
static inline int64_t kp_net_pairs(const struct kp_analysis *a, const struct kp_net_pair **out)
{
    return a->fn->pairs(a, out);
}

static inline int64_t kp_class_count(const struct kp_analysis *a)
{
    return a->fn->classes(a);
}

static inline int64_t kp_row_count(const struct kp_analysis *a, enum kp_rows_from from)
{
    return a->fn->rows(a, from);
}

/* How many examples an analysis with an option for it looks at: `wanted`, or all there are if that
 * is 0. Where there are fewer, or none, that is said to be absent and the answer is 0. */
static inline int64_t kp_examples_wanted(struct kp_analysis *a, enum kp_rows_from from,
                                         int64_t wanted)
{
    int64_t rows = kp_row_count(a, from);

    if (rows > 0 && wanted <= rows)
        return wanted > 0 ? wanted : rows;
    kp_analysis_absent(a, "there are %lld examples, %lld are wanted", (long long)rows,
                       (long long)wanted);
    return 0;
}

/* NULL after an error. */
static inline const struct kp_net_facts *kp_facts(struct kp_analysis *a, int64_t net)
{
    return a->fn->facts(a, net);
}

/* Elements of a net's features for one example. 0 where its model names none, which is then said to
 * be absent, and after an error. */
static inline int64_t kp_feature_width(struct kp_analysis *a, int64_t net)
{
    const struct kp_net_facts *facts = kp_facts(a, net);

    if (facts && facts->width == 0)
        kp_analysis_absent(a, "the model of %s names no features",
                           facts->uid[0] ? facts->uid : "the teacher");
    return facts ? facts->width : 0;
}

/* Elements of an inner tensor for one example; 0: the net has no such tap. */
static inline int64_t kp_tap_width(struct kp_analysis *a, int64_t net, const char *tap)
{
    return a->fn->tap_width(a, net, tap);
}

static inline int64_t kp_param_blocks(struct kp_analysis *a, int64_t net,
                                      const struct kp_param_block **out)
{
    return a->fn->blocks(a, net, out);
}

/* Parameters first .. first + count of the vector of all.   out [count] */
static inline enum kp_status kp_read_params(struct kp_analysis *a, int64_t net, int64_t first,
                                            int64_t count, float *out)
{
    return a->fn->read_params(a, net, first, count, out);
}

/* Evaluation mode, no augmentation. Logits are computed only if they are asked for. With a large
 * vocabulary read few rows of them at a time: as many as fit into memory, not all. */
static inline enum kp_status kp_read_rows(struct kp_analysis *a, int64_t net,
                                          const struct kp_read *r)
{
    return a->fn->read(a, net, r);
}

/* Gradients of single examples in EVAL_GRAD mode, for parameters first .. first + count of the
 * vector of all:
 *   out[i][p] = sum_k cotangent[k] d logit_k(x_i) / d theta_p      out [r->count][param_count]
 * The buffers of `r` are not filled. Costs a forward and a backward pass an example. Not of text.
 */
static inline enum kp_status kp_example_grads(struct kp_analysis *a, int64_t net,
                                              const struct kp_read *r, const float *cotangent,
                                              int64_t param_first, int64_t param_count, float *out)
{
    return a->fn->example_grads(a, net, r, cotangent, param_first, param_count, out);
}

/* c = op(x) op(y) + beta c, beta 0 or 1.   op(x) (m, k)   op(y) (k, n)   c (m, n)
 * turn_x: x is stored as (k, m); turn_y: y is stored as (n, k). */
static inline void kp_gemm64(struct kp_analysis *a, bool turn_x, bool turn_y, int64_t m, int64_t n,
                             int64_t k, const double *x, const double *y, double beta, double *c)
{
    a->fn->gemm(a, turn_x, turn_y, m, n, k, x, y, beta, c);
}

/* c = x^T x + beta c, both halves filled.   x (k, n)   c (n, n) */
static inline void kp_gram(struct kp_analysis *a, int64_t n, int64_t k, const double *x,
                           double beta, double *c)
{
    a->fn->gram(a, n, k, x, beta, c);
}

/* c = x x^T + beta c in fp64, both halves filled.   x (n, k) f32   c (n, n) */
static inline void kp_gram_rows_f32(struct kp_analysis *a, int64_t n, int64_t k, const float *x,
                                    double beta, double *c)
{
    a->fn->gram_f32(a, n, k, x, beta, c);
}

/* Of a symmetric c (n, n), which is overwritten; values[n] rise. */
static inline enum kp_status kp_eigenvalues(struct kp_analysis *a, int64_t n, double *c,
                                            double *values)
{
    return a->fn->eigenvalues(a, n, c, values);
}

/* L-BFGS with ten corrections from x, which becomes the best point found. Not to converge is no
 * error. */
static inline enum kp_status kp_minimise_lbfgs(struct kp_analysis *a, struct kp_minimise *how,
                                               kp_objective_fn f, void *arg, int64_t n, double *x)
{
    return a->fn->minimise(a, how, f, arg, n, x);
}

/* A subject's result, "<split>/<name>", stored with that subject's run. */
static inline void kp_emit(struct kp_analysis *a, int64_t subject, const char *name, double value)
{
    a->fn->emit(a, subject, name, value);
}

/* A result of the analysis as a whole, stored with the analysis's own run. */
static inline void kp_emit_whole(struct kp_analysis *a, const char *name, double value)
{
    a->fn->emit(a, -1, name, value);
}

/* What compares the two nets of a pair, over n examples; `estimator` says how, "" if there is one
 * way. With a partner it is the subject's result as well. */
static inline void kp_emit_pair(struct kp_analysis *a, int64_t pair, const char *name,
                                const char *estimator, int64_t n, double value)
{
    a->fn->emit_pair(a, pair, name, estimator, n, value);
}

/* An array, kept as an artifact of the analysis; one of rank 1 with up to 4096 elements also as a
 * curve of the analysis's run (step = index). */
static inline void kp_emit_array(struct kp_analysis *a, const char *name, struct kp_shape shape,
                                 const double *v)
{
    a->fn->emit_array(a, name, shape, v);
}

#endif
