/* kept.c - gathers examples and uploads them, a piece after the other. */
#include "train/kept.h"

#include "data/gather.h"

#include <stdlib.h>

/* What is gathered on the host before it is uploaded. */
#define PIECE_BYTES ((size_t)16 << 20)

/* Always the same bytes, and cheap to read. */
static bool is_stored(const struct kp_dataset *data)
{
    return data->dtype == KP_U8 && !data->made.def && !data->split[KP_SPLIT_TRAIN].live.file;
}

static enum kp_status upload(const struct kp_kept *k, const struct kp_dataset *data,
                             const int64_t *index, int64_t count, struct kp_error *e)
{
    const size_t each = kp_dataset_bytes(data);
    const int64_t fit = (int64_t)(PIECE_BYTES / each), piece = fit > 1 ? fit : 1;
    uint8_t *host = malloc((size_t)(piece < count ? piece : count) * each);
    struct kp_gatherer *gatherer = NULL;
    enum kp_status st = host ? kp_gatherer_create(data, KP_SPLIT_TRAIN, &gatherer, e)
                             : kp_fail(e, KP_E_NOMEM, "no memory to upload the examples");

    for (int64_t first = 0; st == KP_OK && first < count; first += piece) {
        const int64_t rows = count - first < piece ? count - first : piece;
        for (int64_t i = 0; st == KP_OK && i < rows; i++)
            st = kp_gather(gatherer, index[first + i], NULL, host + (size_t)i * each, e);
        if (st == KP_OK)
            k->device->ops->upload(k->device, (char *)k->pool + (size_t)first * each, host,
                                   (size_t)rows * each);
    }
    kp_gatherer_destroy(gatherer);
    free(host);
    return st;
}

enum kp_status kp_kept_make(struct kp_device *device, const struct kp_dataset *data,
                            const int64_t *index, int64_t count, struct kp_kept *out,
                            struct kp_error *e)
{
    struct kp_kept k = {.device = device, .bytes = (size_t)count * kp_dataset_bytes(data)};

    if (device->ops->room && is_stored(data) && k.bytes <= device->ops->room(device) / 2)
        k.pool = device->ops->alloc(device, k.bytes);
    if (k.pool) {
        enum kp_status st = upload(&k, data, index, count, e);
        if (st != KP_OK) {
            kp_kept_finish(&k);
            return st;
        }
    }
    *out = k;
    return KP_OK;
}

void kp_kept_finish(struct kp_kept *k)
{
    if (k->pool)
        k->device->ops->release(k->device, k->pool, k->bytes);
    k->pool = NULL;
}
