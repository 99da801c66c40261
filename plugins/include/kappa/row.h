/* row.h - arithmetic on one row, of logits or of features: for metrics and analyses, and for the
 * row function of an objective. */
#ifndef KAPPA_ROW_H
#define KAPPA_ROW_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Metrics and analyses: rows of floats, sums in double. */

/* The number of the first largest element.   v [n], n >= 1 */
static inline int64_t kp_row_argmax(const float *v, int64_t n)
{
    int64_t best = 0;

    for (int64_t k = 1; k < n; k++)
        if (v[k] > v[best])
            best = k;
    return best;
}

/* log sum_k exp(v_k), so that log softmax(v)_k = v_k less it. */
static inline double kp_row_log_sum_exp(const float *v, int64_t n)
{
    double most = (double)v[kp_row_argmax(v, n)], sum = 0;

    for (int64_t k = 0; k < n; k++)
        sum += exp((double)v[k] - most);
    return most + log(sum);
}

/* p = softmax(v)   v, p [n] */
static inline void kp_row_softmax(const float *v, int64_t n, double *p)
{
    double all = kp_row_log_sum_exp(v, n);

    for (int64_t k = 0; k < n; k++)
        p[k] = exp((double)v[k] - all);
}

/* out = v, or v / |v| if `unit`; a row of zeros stays one.   v, out [n] */
static inline void kp_row_widen(const float *v, int64_t n, bool unit, double *out)
{
    double factor = 1;

    if (unit) {
        double square = 0;
        for (int64_t k = 0; k < n; k++)
            square += (double)v[k] * (double)v[k];
        factor = square > 0 ? 1 / sqrt(square) : 0;
    }
    for (int64_t k = 0; k < n; k++)
        out[k] = (double)v[k] * factor;
}

/* A row function is the loss of an objective, written for one row. It adds to row->loss and, with
 * the gradient to the logits, to row->grad:
 *
 *   KP_ROW_LOSS(kd_row, struct kd, {
 *       kp_row_add_kl(row, self->weight, self->tau, row->teacher_logits, self->tau);
 *       kp_row_add_cross_entropy(row, self->label_weight, row->label);
 *   })
 *
 * and stands in the definition as .row = &kd_row. `self` are the options, constant; `row` has the
 * members of row_call.h. The text is compiled for float, for double (the reference device, finite
 * differences) and, under nvcc, as a kernel in which a block of threads has a row. Therefore:
 *
 *   - the numbers of a row are kp_real, which is float or double; other numbers may be double
 *   - elements are read and written in KP_EACH(row, k) and nowhere else, element k in turn k
 *   - the helpers kp_row_* below are for the whole row: call them outside KP_EACH, and under no
 *     condition that depends on an element
 *   - it reads self and row and calls nothing but helpers and mathematics; calls come from several
 *     threads at once
 *
 * Rows are independent, and which ones a thread gets is up to the host. The loss of a batch is
 * sum(weight row->loss) / sum(weight); the host takes it and scales the gradients. Rows of weight 0
 * are left out; a row of label -1 with a weight comes as it is. */

#define KP_ROW_WORK 4

#define KP_ROW_REAL        float
#define KP_ROW_TYPED(name) name##_float
#include "kappa/row_call.h"
#undef KP_ROW_REAL
#undef KP_ROW_TYPED
#define KP_ROW_REAL        double
#define KP_ROW_TYPED(name) name##_double
#include "kappa/row_call.h"
#undef KP_ROW_REAL
#undef KP_ROW_TYPED

/* A row function compiled for CUDA. */
struct kp_row_image {
    size_t size;
    const void *data; /* a cubin, a fatbin or the text of PTX */
    size_t bytes;
    const char *kernel; /* name_cuda */
};

/* A row function in its instances. Made by KP_ROW_LOSS alone. */
struct kp_row_loss {
    size_t size;
    void (*in_float)(const void *self, struct kp_row_float *row);
    void (*in_double)(const void *self, struct kp_row_double *row);
    const struct kp_row_image *image; /* NULL: none */
};

/* The image that goes with the row functions of this file, a const struct kp_row_image *. */
#ifndef KP_ROW_IMAGE
#define KP_ROW_IMAGE NULL
#endif

#define KP_ROW_UNUSED __attribute__((unused))

/* One instance. SELF is the type of the options, void without options. */
#define KP_ROW_INSTANCE(NAME, REAL, SELF, ...)                                \
    static void NAME##_##REAL(const void *options, struct kp_row_##REAL *row) \
    {                                                                         \
        typedef REAL kp_real KP_ROW_UNUSED;                                   \
        KP_ROW_UNUSED const SELF *self = (const SELF *)options;               \
        __VA_ARGS__                                                           \
    }

#ifdef __CUDACC__
#define KP_ROW_BOTH __host__ __device__
#include "kappa/row_cuda.h"
#else
#define KP_ROW_BOTH
#define KP_ROW_LOSS(NAME, SELF, ...)                                                  \
    KP_ROW_INSTANCE(NAME, float, SELF, __VA_ARGS__)                                   \
    KP_ROW_INSTANCE(NAME, double, SELF, __VA_ARGS__)                                  \
    static const struct kp_row_loss NAME = {sizeof(struct kp_row_loss), NAME##_float, \
                                            NAME##_double, KP_ROW_IMAGE};

/* for k = 0 .. K - 1, in any order; see above. */
#define KP_EACH(row, k) for (int64_t k = 0; k < (row)->classes; k++)
#endif

/* exp and log of a kp_real as a kp_real, for use in KP_EACH. */
#ifdef __cplusplus
static inline KP_ROW_BOTH float kp_exp(float x)
{
    return expf(x);
}
static inline KP_ROW_BOTH double kp_exp(double x)
{
    return exp(x);
}
static inline KP_ROW_BOTH float kp_log(float x)
{
    return logf(x);
}
static inline KP_ROW_BOTH double kp_log(double x)
{
    return log(x);
}
#else
#define kp_exp(x) _Generic((x), float : expf, default : exp)(x)
#define kp_log(x) _Generic((x), float : logf, default : log)(x)
#endif

/* Helpers. x, y, q, out, target [K] are arrays of kp_real; out may be x or y. */

/* The largest of x. */
#define kp_row_max(row, x) ((row)->fn->max((row)->classes, (x)))

/* sum_k x_k */
#define kp_row_sum(row, x) ((row)->fn->sum((row)->classes, (x)))

/* sum_k x_k y_k */
#define kp_row_dot(row, x, y) ((row)->fn->dot((row)->classes, (x), (y)))

/* out = a x + b y; y is not read if b is 0 */
#define kp_row_mix(row, a, x, b, y, out) ((row)->fn->mix((row)->classes, (a), (x), (b), (y), (out)))

/* out = exp(a (x - x0)), and its sum; a (x - x0) of at most 88 */
#define kp_row_exp(row, a, x, x0, out) ((row)->fn->exps((row)->classes, (a), (x), (x0), (out)))

/* out = `on` at the label, `off` elsewhere; `off` everywhere for the label -1 */
#define kp_row_one_hot(row, label, on, off, out) \
    ((row)->fn->one_hot((row)->classes, (label), (on), (off), (out)))

/* out = softmax(x / tau), and log sum_k exp(x_k / tau) */
#define kp_row_soften(row, x, tau, out) ((row)->fn->soften((row)->classes, (x), (tau), (out)))

/* The next three add the loss of row->logits = z, times weight, to row->loss and its gradient to
 * row->grad. They do nothing where weight is 0. */

/* -log softmax(z)_label; nothing for the label -1 */
#define kp_row_add_cross_entropy(row, weight, label) \
    ((row)->fn->add_cross_entropy((row), (weight), (label)))

/* -sum_k q_k log softmax(z)_k */
#define kp_row_add_soft_cross_entropy(row, weight, q) \
    ((row)->fn->add_soft_cross_entropy((row), (weight), (q)))

/* KL(softmax(target / target_tau) || softmax(z / tau)); accurate also where it is small, as at a
 * large tau */
#define kp_row_add_kl(row, weight, tau, target, target_tau) \
    ((row)->fn->add_kl((row), (weight), (tau), (target), (target_tau)))

#endif
