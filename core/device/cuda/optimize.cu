// optimize.cu - gradient clipping and the optimizers: one launch over all parameters.
#include "device/cuda/lane.cuh"
#include "device/cuda/ops.h"
#include "kernels/optimizer.h"

#include "kernels/optimizer.inl"

#define CLIP_BLOCKS 64

static __global__ void squares(int64_t n, const float *g, double *parts)
{
    double sum = 0;

    KP_MINE (i, n)
        sum += (double)g[i] * (double)g[i];
    sum = kp_block_sum(sum);
    if (threadIdx.x == 0)
        parts[blockIdx.x] = sum;
}

static __global__ void clip(const double *parts, double limit, float *out)
{
    double sum = 0;

    for (int i = 0; i < CLIP_BLOCKS; i++)
        sum += parts[i];
    *out = kp_clip_factor(limit, sum);
}

size_t kp_cuda_clip_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    (void)g;
    (void)n;
    return CLIP_BLOCKS * sizeof(double);
}

// As many blocks on every device: the order of the sum is one.
void kp_cuda_clip(const struct kp_cuda_call *c)
{
    double *parts = (double *)kp_cuda_scratch(c);

    KP_LAUNCH(squares, CLIP_BLOCKS, KP_THREADS, c->stream, c->params,
              (const float *)c->memory->grads, parts);
    KP_LAUNCH(clip, 1, 1, c->stream, parts, c->node->attrs.clip_norm, kp_cuda_out(c, 0));
}

// sums over the parts of a batch, and back to g after the last
static __global__ void accumulate(int64_t n, const double *scalars, float *sums, float *g)
{
    const bool first = scalars[KP_SCALAR_PART] == 0, more = scalars[KP_SCALAR_MORE] != 0;

    KP_MINE (i, n) {
        const float sum = first ? g[i] : sums[i] + g[i];
        sums[i] = sum;
        if (!more)
            g[i] = sum;
    }
}

void kp_cuda_accumulate(const struct kp_cuda_call *c)
{
    KP_LAUNCH(accumulate, kp_blocks_of(c->params), KP_THREADS, c->stream, c->params, c->scalars,
              (float *)c->memory->sums, (float *)c->memory->grads);
}

// What all parameters share. Frozen extents rise; a parameter in one stays as it is.
struct update {
    int64_t count, frozen_count;
    const struct kp_extent *frozen;
    const double *scalars;
    const float *clip; // NULL: 1
    const float *grads;
    float *params, *slot0, *slot1;
    double momentum, weight_decay, beta1, beta2, eps;
    bool nesterov, decoupled;
};

static inline __device__ bool is_frozen(const struct update *u, int64_t i)
{
    for (int64_t k = 0; k < u->frozen_count; k++)
        if (i >= u->frozen[k].first && i - u->frozen[k].first < u->frozen[k].count)
            return true;
    return false;
}

static __global__ void sgd(struct update u)
{
    const struct kp_sgd s = {(float)u.scalars[KP_SCALAR_LR], u.clip ? *u.clip : 1,
                             (float)u.momentum, (float)u.weight_decay, u.nesterov};

    if (u.scalars[KP_SCALAR_MORE] != 0) // parts of the batch follow
        return;
    KP_MINE (i, u.count) {
        if (is_frozen(&u, i))
            continue;
        const float g = u.grads[i], p = u.params[i];
        if (s.momentum != 0) {
            float v = u.slot0[i];
            u.params[i] = kp_momentum_p(&s, g, &v, p);
            u.slot0[i] = v;
        } else {
            u.params[i] = kp_sgd_p(&s, g, p);
        }
    }
}

// A block's first thread makes what is the same for all.
static __global__ void adam(struct update u)
{
    __shared__ struct kp_adam shared;

    if (u.scalars[KP_SCALAR_MORE] != 0) // parts of the batch follow
        return;
    if (threadIdx.x == 0)
        shared = kp_adam_at(u.scalars[KP_SCALAR_STEP], u.scalars[KP_SCALAR_LR], u.beta1, u.beta2,
                            u.eps, u.weight_decay, u.decoupled, u.clip ? *u.clip : 1);
    __syncthreads();

    KP_MINE (i, u.count) {
        if (is_frozen(&u, i))
            continue;
        float m = u.slot0[i], v = u.slot1[i];
        u.params[i] = kp_adam_p(&shared, u.grads[i], &m, &v, u.params[i]);
        u.slot0[i] = m;
        u.slot1[i] = v;
    }
}

static struct update update_of(const struct kp_cuda_call *c)
{
    const struct kp_attrs *a = &c->node->attrs;
    struct update u = {};

    u.count = c->params;
    u.frozen_count = a->frozen_count;
    u.frozen = (const struct kp_extent *)c->constant;
    u.scalars = c->scalars;
    u.clip = kp_cuda_in(c, 0);
    u.grads = (const float *)c->memory->grads;
    u.params = (float *)c->memory->params;
    u.slot0 = (float *)c->memory->slots;
    u.slot1 = u.slot0 ? u.slot0 + c->params : nullptr;
    u.momentum = a->momentum;
    u.weight_decay = a->weight_decay;
    u.beta1 = a->beta1;
    u.beta2 = a->beta2;
    u.eps = a->eps;
    u.nesterov = a->nesterov;
    u.decoupled = a->decoupled;
    return u;
}

void kp_cuda_sgd(const struct kp_cuda_call *c)
{
    KP_LAUNCH(sgd, kp_blocks_of(c->params), KP_THREADS, c->stream, update_of(c));
}

void kp_cuda_adam(const struct kp_cuda_call *c)
{
    KP_LAUNCH(adam, kp_blocks_of(c->params), KP_THREADS, c->stream, update_of(c));
}
