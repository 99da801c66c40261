// linear.cu - linear layers: products by cuBLAS, biases and sums over the batch.
#include "device/cuda/device.cuh"
#include "device/cuda/ops.h"
#include "kernels/bf16.h"

// y[r][o] += b[o]
static __global__ void add_bias(int64_t n, int64_t width, const float *b, float *y)
{
    KP_MINE (i, n)
        y[i] += b[i % width];
}

#define SUM_COLUMNS 32
#define SUM_LINES   8

// Slices of the lines: a function of their number alone, so that the order is one on every device.
static int64_t slices_of(int64_t lines)
{
    const int64_t slices = (lines + 255) / 256;

    return slices < 1 ? 1 : slices > 64 ? 64 : slices;
}

size_t kp_cuda_sums_scratch(int64_t lines, int64_t columns)
{
    return (size_t)(slices_of(lines) * columns) * sizeof(double);
}

static inline __device__ double number(float x)
{
    return (double)x;
}

static inline __device__ double number(uint16_t half)
{
    return (double)kp_bf16_number(half);
}

// A block: one slice of 32 columns. A thread: every eighth line of a column.
template <class T>
static __global__ void sum_slices(int64_t lines, int64_t columns, int64_t stride, int64_t slices,
                                  const T *x, double *parts)
{
    __shared__ double part[SUM_LINES][SUM_COLUMNS];
    const int64_t tiles = (columns + SUM_COLUMNS - 1) / SUM_COLUMNS;
    const unsigned across = threadIdx.x % SUM_COLUMNS, down = threadIdx.x / SUM_COLUMNS;

    KP_OURS (task, tiles * slices) {
        const int64_t column = task % tiles * SUM_COLUMNS + across, slice = task / tiles;
        const int64_t end = lines * (slice + 1) / slices;
        double sum = 0;

        for (int64_t i = lines * slice / slices + down; column < columns && i < end; i += SUM_LINES)
            sum += number(x[i * stride + column]);
        part[down][across] = sum;
        __syncthreads();
        if (down == 0 && column < columns) {
            for (int i = 1; i < SUM_LINES; i++)
                sum += part[i][across];
            parts[slice * columns + column] = sum;
        }
        __syncthreads();
    }
}

static __global__ void sum_parts(int64_t columns, int64_t slices, const double *parts, bool add,
                                 float *sums)
{
    KP_MINE (j, columns) {
        double sum = add ? (double)sums[j] : 0;
        for (int64_t slice = 0; slice < slices; slice++)
            sum += parts[slice * columns + j];
        sums[j] = (float)sum;
    }
}

template <class T>
static void sums_of(const struct kp_cuda_call *c, const T *x, int64_t lines, int64_t columns,
                    int64_t stride, bool add, float *sums, void *scratch)
{
    const int64_t slices = slices_of(lines), tiles = (columns + SUM_COLUMNS - 1) / SUM_COLUMNS;
    double *parts = (double *)scratch;

    KP_LAUNCH(sum_slices<T>, kp_blocks(tiles * slices), SUM_COLUMNS * SUM_LINES, c->stream, lines,
              columns, stride, slices, x, parts);
    KP_LAUNCH(sum_parts, kp_blocks_of(columns), KP_THREADS, c->stream, columns, slices, parts, add,
              sums);
}

void kp_cuda_sums(const struct kp_cuda_call *c, const float *x, int64_t lines, int64_t columns,
                  int64_t stride, float *sums, void *scratch)
{
    sums_of(c, x, lines, columns, stride, false, sums, scratch);
}

void kp_cuda_add_sums(const struct kp_cuda_call *c, const float *x, int64_t lines, int64_t columns,
                      int64_t stride, float *sums, void *scratch)
{
    sums_of(c, x, lines, columns, stride, true, sums, scratch);
}

void kp_cuda_half_sums(const struct kp_cuda_call *c, const uint16_t *x, int64_t lines,
                       int64_t columns, int64_t stride, bool add, float *sums, void *scratch)
{
    sums_of(c, x, lines, columns, stride, add, sums, scratch);
}

// Whether the matrices of a product are halves: all are, or none (plan.c).
static bool halves(const struct kp_node *n)
{
    return n->in[0]->half;
}

void kp_cuda_affine(const struct kp_cuda_call *c, const void *x, int64_t rows,
                    const struct kp_value *w, const float *b, float *y)
{
    const int64_t inner = w->shape.dim[1], outer = w->shape.dim[0];
    struct kp_cuda_gemm g = {};

    g.m = rows;
    g.n = outer;
    g.k = inner;
    g.turned_b = true;
    g.a = x;
    g.b = kp_cuda_at(c->memory, w);
    g.c = y;
    g.ld_a = g.ld_b = inner;
    g.ld_c = outer;
    g.half = halves(c->node);
    g.batch = 1;
    g.alpha = 1;
    kp_cuda_gemm(c, &g);
    if (b)
        KP_LAUNCH(add_bias, kp_blocks_of(rows * outer), KP_THREADS, c->stream, rows * outer, outer,
                  b, y);
}

// y (rows, O) = x (rows, I) w^T + b
void kp_cuda_linear(const struct kp_cuda_call *c)
{
    kp_cuda_affine(c, kp_cuda_in(c, 0), kp_cuda_lines(c->node->in[0], c->rows), c->node->in[1],
                   kp_cuda_in(c, 2), kp_cuda_out(c, 0));
}

// dx (rows, I) = dy (rows, O) w
void kp_cuda_linear_grad_x(const struct kp_cuda_call *c)
{
    const struct kp_value *dy = c->node->in[0], *dx = c->node->out[0];
    struct kp_cuda_gemm g = {};

    g.m = kp_cuda_lines(dy, c->rows);
    g.n = kp_cuda_width(dx);
    g.k = kp_cuda_width(dy);
    g.a = kp_cuda_in(c, 0);
    g.b = kp_cuda_in(c, 1);
    g.c = kp_cuda_out(c, 0);
    g.ld_a = g.k;
    g.ld_b = g.ld_c = g.n;
    g.half = halves(c->node);
    g.batch = 1;
    g.alpha = 1;
    kp_cuda_gemm(c, &g);
}

size_t kp_cuda_linear_grad_w_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_value *dy = n->in[1];

    return n->out[1] ? kp_cuda_sums_scratch(kp_cuda_lines(dy, g->capacity), kp_cuda_width(dy)) : 0;
}

static void bias_gradient(const struct kp_cuda_call *c, int64_t lines, int64_t columns)
{
    const void *dy = kp_cuda_in(c, 1);
    float *db = kp_cuda_out(c, 1);

    if (halves(c->node))
        kp_cuda_half_sums(c, (const uint16_t *)dy, lines, columns, columns, false, db,
                          kp_cuda_scratch(c));
    else
        kp_cuda_sums(c, (const float *)dy, lines, columns, columns, db, kp_cuda_scratch(c));
}

// dw (O, I) = dy^T x, db = sum of dy
void kp_cuda_linear_grad_w(const struct kp_cuda_call *c)
{
    const struct kp_value *x = c->node->in[0], *dy = c->node->in[1];
    struct kp_cuda_gemm g = {};

    g.m = kp_cuda_width(dy);
    g.n = kp_cuda_width(x);
    g.k = kp_cuda_lines(x, c->rows);
    g.turned_a = true;
    g.a = kp_cuda_in(c, 1);
    g.b = kp_cuda_in(c, 0);
    g.c = kp_cuda_out(c, 0);
    g.ld_a = g.m;
    g.ld_b = g.ld_c = g.n;
    g.half = halves(c->node);
    g.batch = 1;
    g.alpha = 1;
    kp_cuda_gemm(c, &g);
    if (c->node->out[1])
        bias_gradient(c, g.k, g.m);
}
