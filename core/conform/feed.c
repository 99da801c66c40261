/* feed.c - made-up data for a model and an objective. */
#include "base/rng.h"
#include "conform/stand.h"

#include <stdlib.h>

enum { X, LABEL, WEIGHT, TEACHER };

static struct kp_rng_key key_of(uint64_t seed, int what)
{
    return (struct kp_rng_key){.seed = seed, .epoch = (uint32_t)what};
}

static void fill_x(struct kp_feed *f, const struct kp_model_io *io, int64_t batch, uint64_t seed)
{
    const struct kp_rng_key key = key_of(seed, X);
    const int64_t count = kp_shape_count(io->input);

    for (int64_t n = 0; n < batch; n++)
        for (int64_t i = 0; i < count; i++) {
            if (io->dtype == KP_I32)
                ((int32_t *)f->x)[n * count + i] =
                    (int32_t)kp_rng_below(key, (uint64_t)n, (uint32_t)i, (uint64_t)io->classes);
            else
                ((float *)f->x)[n * count + i] =
                    (float)kp_rng_normal(key, (uint64_t)n, (uint32_t)i);
        }
}

static void fill_rows(struct kp_feed *f, const struct kp_model_io *io, uint64_t seed)
{
    for (int64_t r = 0; r < f->rows; r++) {
        const uint64_t draw = kp_rng_below(key_of(seed, WEIGHT), (uint64_t)r, 0, 5);

        f->weights[r] = r == 0 ? 1.5F : (float)draw / 2;
        f->labels[r] =
            (int32_t)kp_rng_below(key_of(seed, LABEL), (uint64_t)r, 0, (uint64_t)io->classes);
        if (!(f->weights[r] > 0))
            f->labels[r] = -1;
        for (int64_t k = 0; k < io->classes; k++)
            f->teacher[r * io->classes + k] =
                (float)(2 * kp_rng_normal(key_of(seed, TEACHER), (uint64_t)r, (uint32_t)k));
    }
}

enum kp_status kp_feed_init(struct kp_feed *f, const struct kp_model_io *io, int64_t batch,
                            uint64_t seed, struct kp_error *e)
{
    const size_t rows = (size_t)(batch * kp_shape_count(io->labels));

    f->rows = (int64_t)rows;
    f->x = calloc((size_t)(batch * kp_shape_count(io->input)), sizeof(float));
    f->labels = calloc(rows, sizeof(*f->labels));
    f->weights = calloc(rows, sizeof(*f->weights));
    f->teacher = calloc(rows * (size_t)io->classes, sizeof(*f->teacher));
    if (!f->x || !f->labels || !f->weights || !f->teacher) {
        kp_feed_finish(f);
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    fill_x(f, io, batch, seed);
    fill_rows(f, io, seed);
    return KP_OK;
}

void kp_feed_finish(struct kp_feed *f)
{
    free(f->x);
    free(f->labels);
    free(f->weights);
    free(f->teacher);
    *f = (struct kp_feed){0};
}
