/* row_cuda.h - row functions as kernels, for row.h under nvcc: a block of threads has a row.
 *
 * Elements belong to threads by their number, the same in KP_EACH and in the helpers, so that
 * nothing but sums and maxima passes between threads. blockDim.x is a power of two up to
 * KP_ROW_THREADS; numbers that every thread computes for itself (row->loss among them) are equal
 * in all of them. */
#ifndef KAPPA_ROW_CUDA_H
#define KAPPA_ROW_CUDA_H

#define KP_ROW_THREADS 256

#define KP_EACH(row, k) for (int64_t k = threadIdx.x; k < (row)->classes; k += blockDim.x)

/* Of all threads, in a fixed order. */
static inline __device__ double kp_block_combine(double x, bool largest)
{
    __shared__ double part[KP_ROW_THREADS];

    __syncthreads();
    part[threadIdx.x] = x;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            const double other = part[threadIdx.x + half], own = part[threadIdx.x];
            part[threadIdx.x] = !largest ? own + other : own > other ? own : other;
        }
        __syncthreads();
    }
    return part[0];
}

struct kp_row_cuda;

/* What kp_row_fn_float is on a processor. */
struct kp_row_block {
    static __device__ double max(int64_t n, const float *x)
    {
        double most = -INFINITY;
        for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
            most = x[k] > most ? (double)x[k] : most;
        return kp_block_combine(most, true);
    }
    static __device__ double sum(int64_t n, const float *x)
    {
        double all = 0;
        for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
            all += (double)x[k];
        return kp_block_combine(all, false);
    }
    static __device__ double dot(int64_t n, const float *x, const float *y)
    {
        double all = 0;
        for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
            all += (double)(x[k] * y[k]);
        return kp_block_combine(all, false);
    }
    static __device__ void mix(int64_t n, double a, const float *x, double b, const float *y,
                               float *out)
    {
        const float fa = (float)a, fb = (float)b;
        for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
            out[k] = fb != 0 ? fa * x[k] + fb * y[k] : fa * x[k];
    }
    static __device__ double exps(int64_t n, double a, const float *x, double x0, float *out)
    {
        const float fa = (float)a, top = (float)x0;
        for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
            out[k] = expf(fa * (x[k] - top));
        return sum(n, out);
    }
    /* out_k = e^(a (x_k - x0)), x0 the largest; their sum, accurate also where all are nearly 1 */
    static __device__ double shares(int64_t n, float a, const float *x, float x0, float *out)
    {
        double all = 0;
        for (int64_t k = threadIdx.x; k < n; k += blockDim.x) {
            const float e = a * (x[k] - x0);
            out[k] = expf(e);
            all += e > -1 ? 1 + (double)expm1f(e) : (double)out[k];
        }
        return kp_block_combine(all, false);
    }
    static __device__ void one_hot(int64_t n, int64_t label, double on, double off, float *out)
    {
        for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
            out[k] = (float)(k == label ? on : off);
    }
    static __device__ double soften(int64_t n, const float *x, double tau, float *out)
    {
        const double top = max(n, x), all = exps(n, 1 / tau, x, top, out);
        mix(n, 1 / all, out, 0, out, out);
        return top / tau + log(all);
    }
    static __device__ void add_cross_entropy(struct kp_row_cuda *row, double weight, int64_t label);
    static __device__ void add_soft_cross_entropy(struct kp_row_cuda *row, double weight,
                                                  const float *q);
    static __device__ void add_kl(struct kp_row_cuda *row, double weight, double tau,
                                  const float *target, double target_tau);
};

/* As kp_row_float; each thread has one of its own. */
struct kp_row_cuda {
    const struct kp_row_block *fn;
    int64_t classes;
    int32_t label;
    const float *logits;
    const float *teacher_logits;
    double loss;
    float *grad;
    float *work[KP_ROW_WORK];
    float *scratch;
};

inline __device__ void kp_row_block::add_cross_entropy(struct kp_row_cuda *row, double weight,
                                                       int64_t label)
{
    const int64_t n = row->classes;
    if (weight == 0 || label < 0)
        return;
    const double top = max(n, row->logits), all = exps(n, 1, row->logits, top, row->scratch);
    const float share = (float)(weight / all), w = (float)weight;
    row->loss += weight * (log(all) - ((double)row->logits[label] - top));
    for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
        row->grad[k] += share * row->scratch[k] - (k == label ? w : 0);
}

inline __device__ void kp_row_block::add_soft_cross_entropy(struct kp_row_cuda *row, double weight,
                                                            const float *q)
{
    const int64_t n = row->classes;
    if (weight == 0)
        return;
    const double top = max(n, row->logits), all = exps(n, 1, row->logits, top, row->scratch);
    const double mass = sum(n, q);
    double inner = 0;
    for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
        inner += (double)(q[k] * (row->logits[k] - (float)top));
    row->loss += weight * (mass * log(all) - kp_block_combine(inner, false));
    mix(n, mass / all, row->scratch, -1, q, row->scratch);
    mix(n, weight, row->scratch, 1, row->grad, row->grad);
}

/* KL = sum P (e^x - 1 - x) of x = log(Q / P), which is not negative in any term; Q - P is P (e^x -
 * 1). Where x is large both are written as they are. */
inline __device__ void kp_row_block::add_kl(struct kp_row_cuda *row, double weight, double tau,
                                            const float *target, double target_tau)
{
    const int64_t n = row->classes;
    const float sharp = (float)(1 / tau), target_sharp = (float)(1 / target_tau);
    const float *z = row->logits;
    float *p = row->scratch, *q = row->scratch + n;
    if (weight == 0)
        return;
    const float z0 = (float)max(n, z), t0 = (float)max(n, target);
    const double p_all = shares(n, target_sharp, target, t0, p), q_all = shares(n, sharp, z, z0, q);
    const float p_share = (float)(1 / p_all), q_share = (float)(1 / q_all);
    const float shift = (float)log(p_all / q_all), gain = (float)(weight / tau);
    double loss = 0;
    for (int64_t k = threadIdx.x; k < n; k += blockDim.x) {
        const float x = (z[k] - z0) * sharp - (target[k] - t0) * target_sharp + shift;
        const float pk = p[k] * p_share;
        const bool near = x > -1 && x < 1;
        const float difference = near ? pk * expm1f(x) : q[k] * q_share - pk;
        /* e^x - 1 - x without its cancellation: the Taylor series */
        float rest = 1 / 362880.f;
        rest = rest * x + 1 / 40320.f;
        rest = rest * x + 1 / 5040.f;
        rest = rest * x + 1 / 720.f;
        rest = rest * x + 1 / 120.f;
        rest = rest * x + 1 / 24.f;
        rest = rest * x + 1 / 6.f;
        rest = (rest * x + 1 / 2.f) * x * x;
        loss += (double)(near ? pk * rest : difference - pk * x);
        row->grad[k] += gain * difference;
    }
    row->loss += weight * kp_block_combine(loss, false);
}

/* A batch, all pointers to device memory. grads, losses [rows]: as the host makes them from a row,
 * times weight, and the gradient times *share too, which is 1 / sum(weights).
 * work [gridDim.x][(KP_ROW_WORK + 2) classes]. */
struct kp_row_batch {
    int64_t rows, classes;
    const float *logits, *teacher_logits, *weights;
    const int32_t *labels;
    const double *share;
    float *grads;
    double *losses;
    float *work;
};

/* The kernel NAME_cuda(batch, options). */
#define KP_ROW_LOSS(NAME, SELF, ...)                                                   \
    static __device__ void NAME##_block(const void *options, struct kp_row_cuda *row)  \
    {                                                                                  \
        typedef float kp_real KP_ROW_UNUSED;                                           \
        KP_ROW_UNUSED const SELF *self = (const SELF *)options;                        \
        __VA_ARGS__                                                                    \
    }                                                                                  \
    extern "C" __global__ void NAME##_cuda(struct kp_row_batch b, const void *options) \
    {                                                                                  \
        for (int64_t i = blockIdx.x; i < b.rows; i += gridDim.x)                       \
            kp_row_cuda_run(NAME##_block, &b, options, i);                             \
    }

/* Row i of the batch. */
template <class function>
static inline __device__ void kp_row_cuda_run(function loss, const struct kp_row_batch *b,
                                              const void *options, int64_t i)
{
    const int64_t n = b->classes;
    const double weight = (double)b->weights[i];
    float *work = b->work + (int64_t)blockIdx.x * (KP_ROW_WORK + 2) * n;
    struct kp_row_block fn;
    struct kp_row_cuda row;

    row.fn = &fn;
    row.classes = n;
    row.label = b->labels[i] < n ? b->labels[i] : -1;
    row.logits = b->logits + i * n;
    row.teacher_logits = b->teacher_logits ? b->teacher_logits + i * n : NULL;
    row.loss = 0;
    row.grad = b->grads + i * n;
    for (int j = 0; j < KP_ROW_WORK; j++)
        row.work[j] = work + j * n;
    row.scratch = work + KP_ROW_WORK * n;
    for (int64_t k = threadIdx.x; k < n; k += blockDim.x)
        row.grad[k] = 0;
    if (weight != 0) {
        loss(options, &row);
        kp_row_block::mix(n, weight * *b->share, row.grad, 0, row.grad, row.grad);
    }
    if (threadIdx.x == 0)
        b->losses[i] = weight * row.loss;
}

#endif
