/* memory_leak.c - a model that takes memory in build() which nobody can free. */
#include "fixture.h"

#include <stdlib.h>

struct leaking {
    struct linear linear;
    double *table;
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct leaking *m = self;

    m->table = calloc(100, sizeof(*m->table));
    return linear_build(&m->linear, b, io);
}

BROKEN_MODEL(memory_leak, .self_size = sizeof(struct leaking), .build = build,
             .forward = linear_forward);
