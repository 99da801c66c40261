// tokens.cu - patches of images, tokens and tables.
#include "device/cuda/device.cuh"
#include "device/cuda/ops.h"

// Pixels of an image and their places in its patches; x is NHWC or NCHW.
struct patches {
    int64_t count; // elements of the patches
    int64_t channels, height, width, size;
    bool nhwc;
};

// Where element i of the patches (N,T,p p C) lies in the image.
static inline __device__ int64_t pixel_of(const struct patches *p, int64_t i)
{
    const int64_t across = p->width / p->size, tokens = p->height / p->size * across;
    const int64_t channel = i % p->channels, in_patch = i / p->channels % (p->size * p->size);
    const int64_t token = i / p->channels / (p->size * p->size) % tokens;
    const int64_t n = i / p->channels / (p->size * p->size) / tokens;
    const int64_t y = token / across * p->size + in_patch / p->size;
    const int64_t x = token % across * p->size + in_patch % p->size;

    return p->nhwc ? ((n * p->height + y) * p->width + x) * p->channels + channel
                   : ((n * p->channels + channel) * p->height + y) * p->width + x;
}

static __global__ void cut(struct patches p, const float *x, float *y)
{
    KP_MINE (i, p.count)
        y[i] = x[pixel_of(&p, i)];
}

static __global__ void paste(struct patches p, const float *dy, float *dx)
{
    KP_MINE (i, p.count)
        dx[pixel_of(&p, i)] = dy[i];
}

static struct patches patches_of(const struct kp_cuda_call *c, const struct kp_value *image,
                                 const struct kp_value *cuts)
{
    struct patches p = {};

    p.count = kp_cuda_count(cuts, c->rows);
    p.channels = image->shape.dim[1];
    p.height = image->shape.dim[2];
    p.width = image->shape.dim[3];
    p.size = c->node->attrs.window.size[0];
    p.nhwc = image->layout == KP_NHWC;
    return p;
}

void kp_cuda_patches(const struct kp_cuda_call *c)
{
    const struct patches p = patches_of(c, c->node->in[0], c->node->out[0]);

    KP_LAUNCH(cut, kp_blocks_of(p.count), KP_THREADS, c->stream, p, kp_cuda_in(c, 0),
              kp_cuda_out(c, 0));
}

// Rows and columns of the image that fill no patch get 0.
void kp_cuda_patches_grad(const struct kp_cuda_call *c)
{
    const struct kp_value *dx = c->node->out[0];
    const struct patches p = patches_of(c, dx, c->node->in[0]);

    kp_cuda_clear(c, kp_cuda_out(c, 0), (size_t)kp_cuda_count(dx, c->rows) * sizeof(float));
    KP_LAUNCH(paste, kp_blocks_of(p.count), KP_THREADS, c->stream, p, kp_cuda_in(c, 0),
              kp_cuda_out(c, 0));
}

void kp_cuda_clear(const struct kp_cuda_call *c, void *p, size_t bytes)
{
    kp_cuda_note(c->cuda, cudaMemsetAsync(p, 0, bytes, c->stream), "cudaMemsetAsync");
}

// y (N,T+1,D); `each` = (T+1) D, `width` = D
static __global__ void prepend(int64_t n, int64_t each, int64_t width, const float *x,
                               const float *token, float *y)
{
    KP_MINE (i, n) {
        const int64_t at = i % each, example = i / each;
        y[i] = at < width ? token[at] : x[example * (each - width) + at - width];
    }
}

void kp_cuda_prepend(const struct kp_cuda_call *c)
{
    const struct kp_value *y = c->node->out[0];
    const int64_t n = kp_cuda_count(y, c->rows), width = kp_cuda_width(y);

    KP_LAUNCH(prepend, kp_blocks_of(n), KP_THREADS, c->stream, n, y->shape.dim[1] * width, width,
              kp_cuda_in(c, 0), kp_cuda_in(c, 1), kp_cuda_out(c, 0));
}

// n, each: of dx (N,T,D)
static __global__ void drop_first(int64_t n, int64_t each, int64_t width, const float *dy,
                                  float *dx)
{
    KP_MINE (i, n)
        dx[i] = dy[i / each * (each + width) + width + i % each];
}

size_t kp_cuda_prepend_grad_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    return kp_cuda_sums_scratch(g->capacity, kp_cuda_width(n->in[0]));
}

void kp_cuda_prepend_grad(const struct kp_cuda_call *c)
{
    const struct kp_value *dy = c->node->in[0];
    const int64_t width = kp_cuda_width(dy), each = (dy->shape.dim[1] - 1) * width;
    const int64_t n = c->rows * each;

    if (c->node->out[0])
        KP_LAUNCH(drop_first, kp_blocks_of(n), KP_THREADS, c->stream, n, each, width,
                  kp_cuda_in(c, 0), kp_cuda_out(c, 0));
    if (c->node->out[1])
        kp_cuda_sums(c, kp_cuda_in(c, 0), c->rows, width, each + width, kp_cuda_out(c, 1),
                     kp_cuda_scratch(c));
}

static __global__ void add_position(int64_t n, int64_t each, const float *x, const float *table,
                                    float *y)
{
    KP_MINE (i, n)
        y[i] = x[i] + table[i % each];
}

void kp_cuda_add_position(const struct kp_cuda_call *c)
{
    const struct kp_value *y = c->node->out[0];
    const int64_t n = kp_cuda_count(y, c->rows), each = y->shape.dim[1] * kp_cuda_width(y);

    KP_LAUNCH(add_position, kp_blocks_of(n), KP_THREADS, c->stream, n, each, kp_cuda_in(c, 0),
              kp_cuda_in(c, 1), kp_cuda_out(c, 0));
}

size_t kp_cuda_add_position_grad_scratch(const struct kp_graph *g, const struct kp_node *n)
{
    const struct kp_value *dy = n->in[0];

    return kp_cuda_sums_scratch(g->capacity, dy->shape.dim[1] * kp_cuda_width(dy));
}

void kp_cuda_add_position_grad(const struct kp_cuda_call *c)
{
    const struct kp_value *dy = c->node->in[0], *table = c->node->out[0];
    const int64_t each = dy->shape.dim[1] * kp_cuda_width(dy);

    kp_cuda_clear(c, kp_cuda_out(c, 0) + each,
                  (size_t)(kp_shape_count(table->shape) - each) * sizeof(float));
    kp_cuda_sums(c, kp_cuda_in(c, 0), c->rows, each, each, kp_cuda_out(c, 0), kp_cuda_scratch(c));
}

// Token `index` of x (N,T,D): n, width of y (N,D)
static __global__ void take(int64_t n, int64_t each, int64_t width, int64_t index, const float *x,
                            float *y)
{
    KP_MINE (i, n)
        y[i] = x[i / width * each + index * width + i % width];
}

void kp_cuda_select(const struct kp_cuda_call *c)
{
    const struct kp_value *x = c->node->in[0];
    const int64_t width = kp_cuda_width(x), n = c->rows * width;

    KP_LAUNCH(take, kp_blocks_of(n), KP_THREADS, c->stream, n, x->shape.dim[1] * width, width,
              c->node->attrs.index, kp_cuda_in(c, 0), kp_cuda_out(c, 0));
}

static __global__ void put(int64_t n, int64_t each, int64_t width, int64_t index, const float *dy,
                           float *dx)
{
    KP_MINE (i, n) {
        const int64_t at = i % each;
        dx[i] = at / width == index ? dy[i / each * width + at % width] : 0;
    }
}

void kp_cuda_select_grad(const struct kp_cuda_call *c)
{
    const struct kp_value *dx = c->node->out[0];
    const int64_t width = kp_cuda_width(dx), n = kp_cuda_count(dx, c->rows);

    KP_LAUNCH(put, kp_blocks_of(n), KP_THREADS, c->stream, n, dx->shape.dim[1] * width, width,
              c->node->attrs.index, kp_cuda_in(c, 0), kp_cuda_out(c, 0));
}

static __global__ void embedding(int64_t n, int64_t width, int64_t rows, const int32_t *ids,
                                 const float *table, float *y)
{
    KP_MINE (i, n) {
        const int64_t id = ids[i / width];
        y[i] = id >= 0 && id < rows ? table[id * width + i % width] : 0;
    }
}

void kp_cuda_embedding(const struct kp_cuda_call *c)
{
    const struct kp_value *y = c->node->out[0], *table = c->node->in[1];
    const int64_t n = kp_cuda_count(y, c->rows), width = kp_cuda_width(y);

    KP_LAUNCH(embedding, kp_blocks_of(n), KP_THREADS, c->stream, n, width,
              kp_shape_count(table->shape) / width, (const int32_t *)kp_cuda_in(c, 0),
              kp_cuda_in(c, 1), kp_cuda_out(c, 0));
}

// A block has a row of the table, a thread every so many columns of it; all threads read the same
// ids, in order.
static __global__ void embedding_grad(int64_t rows, int64_t width, int64_t tokens,
                                      const int32_t *ids, const float *dy, float *dtable)
{
    KP_OURS (row, rows) {
        for (int64_t k = threadIdx.x; k < width; k += blockDim.x) {
            double sum = 0;
            for (int64_t i = 0; i < tokens; i++)
                if (ids[i] == row)
                    sum += (double)dy[i * width + k];
            dtable[row * width + k] = (float)sum;
        }
    }
}

void kp_cuda_embedding_grad(const struct kp_cuda_call *c)
{
    const struct kp_value *dy = c->node->in[1], *table = c->node->out[0];
    const int64_t width = kp_cuda_width(dy), rows = kp_shape_count(table->shape) / width;

    KP_LAUNCH(embedding_grad, kp_blocks(rows), kp_row_threads(width), c->stream, rows, width,
              kp_cuda_lines(dy, c->rows), (const int32_t *)kp_cuda_in(c, 0), kp_cuda_in(c, 1),
              kp_cuda_out(c, 0));
}
