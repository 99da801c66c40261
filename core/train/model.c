/* model.c - builds a model for a dataset. */
#include "train/model.h"

#include <stdlib.h>

enum kp_status kp_model_build(const struct kp_model_use *m, const struct kp_dataset *data,
                              struct kp_net **out, struct kp_error *e)
{
    const enum kp_dtype dtype = data->dtype == KP_I32 ? KP_I32 : KP_F32;
    const struct kp_model_io io = {sizeof(io), dtype, data->shape, data->classes, data->labels};
    const int64_t channels = data->dtype == KP_U8 ? data->shape.dim[0] : 0;

    if (m->mean.count != channels || m->sd.count != channels)
        return kp_fail(e, KP_E_CONFIG,
                       "data.mean and data.sd have %lld and %lld numbers; %s has %lld channels%s",
                       (long long)m->mean.count, (long long)m->sd.count, data->name,
                       (long long)channels,
                       data->dtype == KP_U8 ? "" : " of bytes, its numbers are used as they are");
    return kp_net_create(m->def, m->self, &io, &m->ops, out, e);
}

float *kp_channel_floats(struct kp_reals list)
{
    float *v = calloc((size_t)list.count + 1, sizeof(*v));

    for (int64_t i = 0; v && i < list.count; i++)
        v[i] = (float)list.v[i];
    return v;
}
