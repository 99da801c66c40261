/* nccl.c - sums over several GPUs by NCCL, which is opened when a group is made and not needed
 * before. */
#include "device/cuda/cuda.h"
#include "device/group.h"

#include <dlfcn.h>
#include <string.h>

#ifndef KP_NCCL_FILE
#define KP_NCCL_FILE "libnccl.so.2"
#endif

/* What is used of nccl.h, which the CUDA toolkit does not bring; ncclResult_t 0 is success. */
struct nccl_id {
    char bytes[128];
};
enum { NCCL_FLOAT32 = 7, NCCL_SUM = 0 };

struct nccl {
    int (*get_unique_id)(struct nccl_id *out);
    int (*comm_init_rank)(void **comm, int ranks, struct nccl_id id, int rank);
    int (*comm_destroy)(void *comm);
    int (*all_reduce)(const void *from, void *to, size_t count, int type, int operation, void *comm,
                      cudaStream_t stream);
    const char *(*get_error_string)(int result);
};

_Static_assert(sizeof(struct nccl_id) == sizeof(struct kp_group_name), "a name is NCCL's");

/* POSIX has functions come out of dlsym() as pointers to objects. */
static bool find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);

    memcpy(function, &found, sizeof(found));
    return found != NULL;
}

/* Opened once; it stays. */
static enum kp_status open_nccl(struct nccl *out, struct kp_error *e)
{
    void *library = dlopen(KP_NCCL_FILE, RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return kp_fail(e, KP_E_UNSUPPORTED, "sums over several GPUs need NCCL: %s", dlerror());
    if (!find(library, "ncclGetUniqueId", &out->get_unique_id) ||
        !find(library, "ncclCommInitRank", &out->comm_init_rank) ||
        !find(library, "ncclCommDestroy", &out->comm_destroy) ||
        !find(library, "ncclAllReduce", &out->all_reduce) ||
        !find(library, "ncclGetErrorString", &out->get_error_string))
        return kp_fail(e, KP_E_UNSUPPORTED, "%s is no NCCL of version 2", KP_NCCL_FILE);
    return KP_OK;
}

static enum kp_status check(const struct nccl *nccl, const struct kp_cuda *d, int result,
                            const char *what, struct kp_error *e)
{
    if (result == 0)
        return KP_OK;
    return kp_fail(e, KP_E_DEVICE, "%s: %s on device %d (%s)", what, nccl->get_error_string(result),
                   d->index, d->name);
}

static enum kp_status name(struct kp_device *base, struct kp_group_name *out, struct kp_error *e)
{
    struct kp_cuda *d = (struct kp_cuda *)base;
    struct nccl nccl = {0};
    struct nccl_id id;
    enum kp_status st = open_nccl(&nccl, e);

    if (st != KP_OK)
        return st;
    kp_cuda_enter(d);
    st = check(&nccl, d, nccl.get_unique_id(&id), "ncclGetUniqueId", e);
    kp_cuda_leave(d);
    if (st == KP_OK)
        memcpy(out->bytes, id.bytes, sizeof(id.bytes));
    return st;
}

static enum kp_status join(struct kp_device *base, const struct kp_group_name *group, int rank,
                           int ranks, struct kp_error *e)
{
    struct kp_cuda *d = (struct kp_cuda *)base;
    struct nccl nccl = {0};
    struct nccl_id id;
    enum kp_status st = open_nccl(&nccl, e);

    if (st != KP_OK)
        return st;
    if (d->group)
        return kp_fail(e, KP_E_INVALID, "device %d is a member of a group already", d->index);
    memcpy(id.bytes, group->bytes, sizeof(id.bytes));
    kp_cuda_enter(d);
    st = check(&nccl, d, nccl.comm_init_rank(&d->group, ranks, id, rank), "ncclCommInitRank", e);
    kp_cuda_leave(d);
    return st;
}

static enum kp_status all_reduce(struct kp_device *base, void *values, int64_t count,
                                 struct kp_error *e)
{
    struct kp_cuda *d = (struct kp_cuda *)base;
    struct nccl nccl = {0};
    enum kp_status st = open_nccl(&nccl, e);

    if (st != KP_OK)
        return st;
    if (!d->group)
        return kp_fail(e, KP_E_INVALID, "device %d is a member of no group", d->index);
    kp_cuda_enter(d);
    st = check(&nccl, d,
               nccl.all_reduce(values, values, (size_t)count, NCCL_FLOAT32, NCCL_SUM, d->group,
                               d->compute),
               "ncclAllReduce", e);
    kp_cuda_leave(d);
    return st;
}

void kp_cuda_group_leave(struct kp_cuda *d)
{
    struct nccl nccl = {0};
    struct kp_error unused = {0};

    if (d->group && open_nccl(&nccl, &unused) == KP_OK)
        (void)nccl.comm_destroy(d->group);
    d->group = NULL;
}

const struct kp_group_ops kp_cuda_group = {.name = name, .join = join, .all_reduce = all_reduce};
