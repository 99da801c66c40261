/* bad_bound.c - an option whose least value makes the model's build() divide by zero. */
#include "fixture.h"

struct grouped {
    struct linear linear;
    int64_t groups;
};

static const struct kp_option options[] = {
    KP_INT(struct grouped, groups, "groups", "4", 0, 16, "of classes"),
};

static enum kp_status build(void *self, struct kp_build *b, const struct kp_model_io *io)
{
    struct grouped *m = self;

    if (io->classes % m->groups == 16)
        return kp_build_fail(b, KP_E_SHAPE, "%lld groups", (long long)m->groups);
    return linear_build(&m->linear, b, io);
}

BROKEN_MODEL(bad_bound, .self_size = sizeof(struct grouped), .options = KP_OPTIONS(options),
             .build = build, .forward = linear_forward);
