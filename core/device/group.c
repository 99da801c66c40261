/* group.c - sums over several devices: the entries of the device table, or a sentence. */
#include "device/group.h"

static enum kp_status alone(const struct kp_device *d, struct kp_error *e)
{
    return kp_fail(e, KP_E_UNSUPPORTED,
                   "device %s works alone; sums over several devices are there for kind = cuda",
                   d->ops->name);
}

enum kp_status kp_group_name_make(struct kp_device *d, struct kp_group_name *out,
                                  struct kp_error *e)
{
    return d->ops->group ? d->ops->group->name(d, out, e) : alone(d, e);
}

enum kp_status kp_group_join(struct kp_device *d, const struct kp_group_name *name, int rank,
                             int ranks, struct kp_error *e)
{
    if (rank < 0 || rank >= ranks)
        return kp_fail(e, KP_E_INVALID, "member %d of %d; 0 to %d would be right", rank, ranks,
                       ranks - 1);
    return d->ops->group ? d->ops->group->join(d, name, rank, ranks, e) : alone(d, e);
}

enum kp_status kp_group_all_reduce(struct kp_device *d, void *values, int64_t count,
                                   struct kp_error *e)
{
    return d->ops->group ? d->ops->group->all_reduce(d, values, count, e) : alone(d, e);
}
