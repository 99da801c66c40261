// attention.cu - attention as products by cuBLAS and passes over the scores, head by head.
//
// So in fp32, and in bf16 where cuDNN has no plan; fused_attention.cu has the other way.
//
// A head's scores are a (N)[T][T]; q, k and v of a head are (N)[T][width] with E floats from token
// to token, so one call of cuBLAS does a head for the whole batch.
#include "device/cuda/device.cuh"
#include "device/cuda/ops.h"

struct shape {
    int64_t examples, tokens, heads, width, all; // all = E
    bool causal;
};

static struct shape shape_of(const struct kp_cuda_call *c)
{
    const struct kp_value *q = c->node->in[0];
    struct shape s = {};

    s.examples = c->rows;
    s.tokens = q->shape.dim[1];
    s.all = kp_cuda_width(q);
    s.heads = c->node->attrs.heads;
    s.width = s.all / s.heads;
    s.causal = c->node->attrs.causal;
    return s;
}

// Keys that query i sees.
static inline __device__ int64_t seen(const struct shape *s, int64_t i)
{
    return s->causal ? i + 1 : s->tokens;
}

// a (N,T,T) to p = exp(a - l), l [N][heads][T]; a block has a query.
static __global__ void attend(struct shape s, int64_t head, float *a, float *l)
{
    KP_OURS (r, s.examples * s.tokens) {
        const int64_t n = r / s.tokens, i = r % s.tokens, keys = seen(&s, i);
        float *row = a + r * s.tokens, most = -INFINITY;
        double sum = 0;

        for (int64_t j = threadIdx.x; j < keys; j += blockDim.x)
            most = row[j] > most ? row[j] : most;
        most = kp_block_max(most);
        for (int64_t j = threadIdx.x; j < keys; j += blockDim.x)
            sum += (double)expf(row[j] - most);
        sum = kp_block_sum(sum);
        const float share = (float)(1 / sum);
        for (int64_t j = threadIdx.x; j < s.tokens; j += blockDim.x)
            row[j] = j < keys ? share * expf(row[j] - most) : 0;
        if (threadIdx.x == 0)
            l[(n * s.heads + head) * s.tokens + i] = (float)((double)most + log(sum));
    }
}

// a to p by the l that is known; d (N,T,T) = dy v^T to g = p (d - sum_e dy_e y_e)
static __global__ void attend_grad(struct shape s, int64_t head, float *a, float *d, const float *l,
                                   const float *y, const float *dy)
{
    KP_OURS (r, s.examples * s.tokens) {
        const int64_t n = r / s.tokens, i = r % s.tokens, keys = seen(&s, i);
        const int64_t at = r * s.all + head * s.width;
        const float log_sum = l[(n * s.heads + head) * s.tokens + i];
        double sum = 0;

        for (int64_t e = threadIdx.x; e < s.width; e += blockDim.x)
            sum += (double)(dy[at + e] * y[at + e]);
        const float inner = (float)kp_block_sum(sum);
        for (int64_t j = threadIdx.x; j < s.tokens; j += blockDim.x) {
            const int64_t k = r * s.tokens + j;
            const float p = j < keys ? expf(a[k] - log_sum) : 0;
            a[k] = p;
            d[k] = j < keys ? p * (d[k] - inner) : 0;
        }
    }
}

// A product for each example: (N)[T][width] operands have E floats from row to row, scores T.
struct factor {
    const float *p;
    bool scores, turned;
};

static void multiply(const struct kp_cuda_call *c, const struct shape *s, struct factor a,
                     struct factor b, float *out, bool scores, double alpha)
{
    const int64_t wide = s->tokens * s->all, square = s->tokens * s->tokens;
    struct kp_cuda_gemm g = {};

    g.m = s->tokens;
    g.n = scores ? s->tokens : s->width;
    g.k = a.scores ? s->tokens : s->width;
    g.turned_a = a.turned;
    g.turned_b = b.turned;
    g.a = a.p;
    g.b = b.p;
    g.c = out;
    g.ld_a = a.scores ? s->tokens : s->all;
    g.ld_b = b.scores ? s->tokens : s->all;
    g.ld_c = scores ? s->tokens : s->all;
    g.stride_a = a.scores ? square : wide;
    g.stride_b = b.scores ? square : wide;
    g.stride_c = scores ? square : wide;
    g.batch = s->examples;
    g.alpha = (float)alpha;
    kp_cuda_gemm(c, &g);
}

size_t kp_cuda_attention_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    if (n->in[0]->half)
        return kp_cuda_fused_attention_scratch(g, n);
    const int64_t tokens = n->in[0]->shape.dim[1];
    const size_t scores = (size_t)(g->capacity * tokens * tokens) * sizeof(float);

    return n->op == KP_OP_ATTENTION ? scores : 2 * scores;
}

void kp_cuda_attention(const struct kp_cuda_call *c)
{
    if (c->plan)
        return kp_cuda_fused_attention(c);
    const struct shape s = shape_of(c);
    float *a = (float *)kp_cuda_scratch(c);

    for (int64_t head = 0; head < s.heads; head++) {
        const int64_t at = head * s.width;
        multiply(c, &s, {kp_cuda_in(c, 0) + at, false, false}, {kp_cuda_in(c, 1) + at, false, true},
                 a, true, c->node->attrs.factor);
        KP_LAUNCH(attend, kp_blocks(s.examples * s.tokens), kp_row_threads(s.tokens), c->stream, s,
                  head, a, kp_cuda_out(c, 1));
        multiply(c, &s, {a, true, false}, {kp_cuda_in(c, 2) + at, false, false},
                 kp_cuda_out(c, 0) + at, false, 1);
    }
}

void kp_cuda_attention_grad(const struct kp_cuda_call *c)
{
    if (c->plan)
        return kp_cuda_fused_attention_grad(c);
    const struct shape s = shape_of(c);
    const double factor = c->node->attrs.factor;
    const float *dy = kp_cuda_in(c, 5);
    float *a = (float *)kp_cuda_scratch(c);
    float *d = a + c->node->in[0]->shape.dim[0] * s.tokens * s.tokens;

    for (int64_t head = 0; head < s.heads; head++) {
        const int64_t at = head * s.width;
        multiply(c, &s, {kp_cuda_in(c, 0) + at, false, false}, {kp_cuda_in(c, 1) + at, false, true},
                 a, true, factor);
        multiply(c, &s, {dy + at, false, false}, {kp_cuda_in(c, 2) + at, false, true}, d, true, 1);
        KP_LAUNCH(attend_grad, kp_blocks(s.examples * s.tokens), kp_row_threads(s.tokens),
                  c->stream, s, head, a, d, kp_cuda_in(c, 4), kp_cuda_in(c, 3), dy);
        if (c->node->out[2])
            multiply(c, &s, {a, true, true}, {dy + at, false, false}, kp_cuda_out(c, 2) + at, false,
                     1);
        if (c->node->out[0])
            multiply(c, &s, {d, true, false}, {kp_cuda_in(c, 1) + at, false, false},
                     kp_cuda_out(c, 0) + at, false, factor);
        if (c->node->out[1])
            multiply(c, &s, {d, true, true}, {kp_cuda_in(c, 0) + at, false, false},
                     kp_cuda_out(c, 1) + at, false, factor);
    }
}
