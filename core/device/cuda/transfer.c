/* transfer.c - numbers in and out, through pinned memory.
 *
 * What goes to the device goes on the copy stream, beside the work before it; the compute stream
 * waits for its arrival, and a staging is filled again when its last use is over. */
#include "device/cuda/cuda.h"

#include <stdlib.h>
#include <string.h>

/* What does not fit goes in parts. */
#define PART_BYTES ((size_t)8 << 20)

static void note(struct kp_cuda *d, cudaError_t status)
{
    kp_cuda_note(d, status, "a transfer");
}

static void staging_finish(struct kp_cuda *d, struct kp_cuda_staging *s)
{
    if (s->copied)
        note(d, cudaEventDestroy(s->copied));
    if (s->used)
        note(d, cudaEventDestroy(s->used));
    note(d, cudaFreeHost(s->host));
    note(d, cudaFree(s->device));
    memset(s, 0, sizeof(*s));
}

void kp_cuda_stagings_finish(struct kp_cuda *d)
{
    for (int i = 0; i < KP_CUDA_STAGINGS; i++) {
        staging_finish(d, &d->batches.stagings[i]);
        staging_finish(d, &d->values.stagings[i]);
    }
}

/* The next staging, with room for `bytes` and free to fill; NULL: the device failed. It grows
 * before it has held a batch and never in a step after that. */
static struct kp_cuda_staging *staging_begin(struct kp_cuda *d, struct kp_cuda_ring *ring,
                                             size_t bytes)
{
    struct kp_cuda_staging *s = &ring->stagings[ring->next];

    if (d->failed.status != KP_OK)
        return NULL;
    ring->next = (ring->next + 1) % ring->count;
    if (s->bytes >= bytes) {
        note(d, cudaEventSynchronize(s->used));
        return d->failed.status == KP_OK ? s : NULL;
    }
    note(d, cudaStreamSynchronize(d->compute));
    staging_finish(d, s);
    note(d, cudaEventCreateWithFlags(&s->copied, cudaEventDisableTiming));
    note(d, cudaEventCreateWithFlags(&s->used, cudaEventDisableTiming));
    note(d, cudaMallocHost(&s->host, bytes));
    note(d, cudaMalloc(&s->device, bytes));
    if (d->failed.status != KP_OK)
        return NULL;
    s->bytes = bytes;
    return s;
}

/* From s->host to the device: to s->device, or to `to` in its place. The compute stream waits. */
static void staging_send(struct kp_cuda *d, struct kp_cuda_staging *s, void *to, size_t bytes)
{
    cudaStream_t stream = to ? d->compute : d->copy;

    note(d, cudaMemcpyAsync(to ? to : s->device, s->host, bytes, cudaMemcpyHostToDevice, stream));
    if (!to) {
        note(d, cudaEventRecord(s->copied, d->copy));
        note(d, cudaStreamWaitEvent(d->compute, s->copied, 0));
    }
}

/* What was queued on the compute stream so far was its last use. */
static void staging_end(struct kp_cuda *d, struct kp_cuda_staging *s)
{
    note(d, cudaEventRecord(s->used, d->compute));
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void send(struct kp_cuda *d, void *device, const void *host, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PART_BYTES) {
        const size_t part = smaller(bytes - at, PART_BYTES);
        struct kp_cuda_staging *s = staging_begin(d, &d->values, part);
        if (!s)
            return;
        memcpy(s->host, (const char *)host + at, part);
        staging_send(d, s, (char *)device + at, part);
        staging_end(d, s);
    }
}

static void receive(struct kp_cuda *d, void *host, const void *device, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PART_BYTES) {
        const size_t part = smaller(bytes - at, PART_BYTES);
        struct kp_cuda_staging *s = staging_begin(d, &d->values, part);
        if (s) {
            note(d, cudaMemcpyAsync(s->host, (const char *)device + at, part,
                                    cudaMemcpyDeviceToHost, d->compute));
            note(d, cudaStreamSynchronize(d->compute));
            staging_end(d, s);
        }
        /* run() says that the device failed; nobody must read what was never written */
        if (d->failed.status == KP_OK)
            memcpy((char *)host + at, s->host, part);
        else
            memset((char *)host + at, 0, part);
    }
}

void kp_cuda_upload(struct kp_device *d, void *device, const void *host, size_t bytes)
{
    struct kp_cuda *cuda = (struct kp_cuda *)d;

    kp_cuda_enter(cuda);
    send(cuda, device, host, bytes);
    kp_cuda_leave(cuda);
}

void kp_cuda_download(struct kp_device *d, void *host, const void *device, size_t bytes)
{
    struct kp_cuda *cuda = (struct kp_cuda *)d;

    kp_cuda_enter(cuda);
    receive(cuda, host, device, bytes);
    kp_cuda_leave(cuda);
}

/* x (N,C,H,W) to [N][H][W][C], or back. */
static void turn(const struct kp_value *v, int64_t rows, bool to_nhwc, const uint32_t *x,
                 uint32_t *y)
{
    const int64_t channels = v->shape.dim[1], plane = v->shape.dim[2] * v->shape.dim[3];

    for (int64_t n = 0; n < rows; n++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t p = 0; p < plane; p++) {
                const int64_t nchw = (n * channels + c) * plane + p;
                const int64_t nhwc = (n * plane + p) * channels + c;
                y[to_nhwc ? nhwc : nchw] = x[to_nhwc ? nchw : nhwc];
            }
}

static size_t bytes_of(const struct kp_value *v, int64_t rows)
{
    return (size_t)kp_cuda_count(v, rows) * sizeof(float);
}

/* Four bytes a number, whatever the type. */
void kp_cuda_write(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                   const void *host, int64_t rows)
{
    struct kp_cuda *d = c->cuda;
    const size_t bytes = bytes_of(v, rows);

    kp_cuda_enter(d);
    if (v->layout == KP_NHWC) {
        struct kp_cuda_staging *s = staging_begin(d, &d->values, bytes);
        if (s) {
            turn(v, rows, true, host, s->host);
            staging_send(d, s, kp_cuda_at(m, v), bytes);
            staging_end(d, s);
        }
    } else {
        send(d, kp_cuda_at(m, v), host, bytes);
    }
    kp_cuda_leave(d);
}

void kp_cuda_read(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                  void *host, int64_t rows)
{
    struct kp_cuda *d = c->cuda;
    const size_t bytes = bytes_of(v, rows);
    uint32_t *turned = v->layout == KP_NHWC ? malloc(bytes + 1) : NULL;

    kp_cuda_enter(d);
    receive(d, turned ? turned : host, kp_cuda_at(m, v), bytes);
    if (v->layout == KP_NHWC && !turned)
        kp_cuda_note(d, cudaErrorMemoryAllocation, "reading an image");
    kp_cuda_leave(d);
    if (turned)
        turn(v, rows, false, turned, host);
    free(turned);
}

void kp_cuda_put_aside(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                       void *block, int64_t index)
{
    struct kp_cuda *d = c->cuda;

    kp_cuda_enter(d);
    if (d->failed.status == KP_OK)
        note(d, cudaMemcpyAsync((float *)block + index, kp_cuda_at(m, v), sizeof(float),
                                cudaMemcpyDeviceToDevice, d->compute));
    kp_cuda_leave(d);
}

static size_t rounded(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

/* Takes `bytes` of the staging, into which they are copied if there is a source. */
static size_t place(const struct kp_cuda_staging *s, size_t *end, const void *from, size_t bytes)
{
    const size_t at = *end;

    if (from)
        memcpy((char *)s->host + at, from, bytes);
    *end = at + (from ? rounded(bytes) : 0);
    return at;
}

/* A staging holds means, sds and what there is of draws, indices and bytes. */
static void load_images(struct kp_cuda *d, struct kp_memory *m, const struct kp_value *v,
                        const struct kp_load *load)
{
    const size_t rows = (size_t)load->rows, channels = (size_t)load->channels;
    const size_t draws = rows * sizeof(*load->draws), index = rows * sizeof(*load->index);
    const size_t bytes = rows * (size_t)(load->height * load->width) * channels;
    size_t end = rounded(2 * channels * sizeof(double));
    struct kp_cuda_staging *s =
        staging_begin(d, &d->batches, end + rounded(draws) + rounded(load->kept ? index : bytes));

    if (!s)
        return;
    double *numbers = s->host;
    for (size_t c = 0; c < channels; c++) {
        numbers[c] = (double)load->mean[c];
        numbers[channels + c] = (double)load->sd[c];
    }
    const size_t draws_at = place(s, &end, load->draws, draws);
    const size_t index_at = place(s, &end, load->kept ? load->index : NULL, index);
    const size_t bytes_at = place(s, &end, load->kept ? NULL : load->bytes, bytes);
    staging_send(d, s, NULL, end);
    const char *sent = s->device;
    const struct kp_cuda_image image = {
        .bytes = load->kept ? load->kept : (const uint8_t *)sent + bytes_at,
        .index = load->kept ? (const void *)(sent + index_at) : NULL,
        .draws = load->draws ? (const void *)(sent + draws_at) : NULL,
        .to = kp_cuda_at(m, v),
        .rows = load->rows,
        .channels = load->channels,
        .height = load->height,
        .width = load->width,
        .nhwc = v->layout == KP_NHWC,
        .mean = s->device,
        .sd = (const double *)s->device + channels,
    };
    kp_cuda_load(d->compute, &image);
    kp_cuda_note(d, cudaGetLastError(), "load_batch");
    staging_end(d, s);
}

void kp_cuda_load_batch(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                        const struct kp_load *load)
{
    if (load->numbers) {
        kp_cuda_write(c, m, v, load->numbers, load->rows);
        return;
    }
    kp_cuda_enter(c->cuda);
    load_images(c->cuda, m, v, load);
    kp_cuda_leave(c->cuda);
}

bool kp_cuda_copy_batch(struct kp_device *d, const struct kp_memory *from_memory,
                        const struct kp_value *from, struct kp_memory *to_memory,
                        const struct kp_value *to, int64_t rows)
{
    struct kp_cuda *cuda = (struct kp_cuda *)d;

    if (from->layout != to->layout || bytes_of(from, rows) != bytes_of(to, rows))
        return false;
    kp_cuda_enter(cuda);
    if (cuda->failed.status == KP_OK)
        note(cuda, cudaMemcpyAsync(kp_cuda_at(to_memory, to), kp_cuda_at(from_memory, from),
                                   bytes_of(from, rows), cudaMemcpyDeviceToDevice, cuda->compute));
    kp_cuda_leave(cuda);
    return true;
}
