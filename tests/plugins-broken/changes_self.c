/* changes_self.c - a model whose forward() writes to its state, which several programs share. */
#include "fixture.h"

struct counted {
    struct linear linear;
    int64_t passes;
};

static enum kp_status forward(const void *self, struct kp_tape *t, struct kp_tensor *x,
                              struct kp_tensor **logits)
{
    struct counted *m = (struct counted *)self;

    m->passes++;
    return linear_forward(&m->linear, t, x, logits);
}

BROKEN_MODEL(changes_self, .self_size = sizeof(struct counted), .build = linear_build,
             .forward = forward);
