/* device.h - the table of operations that a backend provides. */
#ifndef KP_DEVICE_DEVICE_H
#define KP_DEVICE_DEVICE_H

#include "base/error.h"
#include "base/text.h"
#include "device/graph.h"
#include "kernels/draw.h"

struct kp_device;
struct kp_group_ops;
struct kp_code; /* a lowered graph: immutable, shared by threads */

struct kp_device_config {
    int threads;   /* >= 1 */
    int64_t slice; /* examples per unit of work, a multiple of 16; see cpu/README.md */
    int index;     /* cuda: which of the GPUs that the process may use, from 0 */
    bool tf32;     /* cuda: products of fp32 may round their operands to 11 bits */
};

/* Memory of one program in use. All blocks belong to the device (kp_device_alloc). */
struct kp_memory {
    void *params;  /* graph.param_bytes: parameters, canonical, one after another */
    void *buffers; /* graph.buffer_bytes */
    void *grads;   /* as params; NULL unless the graph has gradients */
    void *sums;    /* as params; NULL unless the graph has ACCUMULATE */
    void *slots;   /* optimizer state: kp_optimizer_slots() times params; NULL if none */
    void *arena;   /* graph.arena_bytes: everything else */
    double scalars[KP_SCALARS];
};

/* The block that values of this place lie in. */
static inline void *kp_memory_block(const struct kp_memory *m, enum kp_place place)
{
    switch (place) {
    case KP_AT_PARAMS:
        return m->params;
    case KP_AT_BUFFERS:
        return m->buffers;
    case KP_AT_GRADS:
        return m->grads;
    case KP_AT_ARENA:
        break;
    }
    return m->arena;
}

/* Bytes of a batch and how they become numbers: cropped, mirrored, rotated (kp_draw_source()), then
 * y = (byte / 255 - mean[c]) / sd[c]; pixels that crop or rotation take from outside the image are
 * byte 0. */
struct kp_load {
    const uint8_t *bytes;   /* [rows][channels][height][width] */
    const void *kept;       /* in their place: images in a block of the device, uploaded once */
    const int64_t *index;   /* [rows] which of them */
    const uint8_t *numbers; /* in place of images: what the input is, as `write` takes it */
    size_t example_bytes;   /* of each */
    const struct kp_draw *draws; /* [rows], or NULL for none */
    int64_t rows;
    int64_t channels, height, width;
    const float *mean, *sd; /* [channels] */
};

/* Rows first .. first + rows of a load. */
static inline struct kp_load kp_load_part(const struct kp_load *all, int64_t first, int64_t rows)
{
    struct kp_load part = *all;

    if (all->bytes)
        part.bytes += (size_t)first * all->example_bytes;
    if (all->index)
        part.index += first;
    if (all->numbers)
        part.numbers += (size_t)first * all->example_bytes;
    if (all->draws)
        part.draws += first;
    part.rows = rows;
    return part;
}

struct kp_device_ops {
    const char *name;

    enum kp_status (*open)(const struct kp_device_config *config, struct kp_device **out,
                           struct kp_error *e);
    void (*close)(struct kp_device *d);

    /* One line: processor level, library versions, threads. */
    void (*describe)(const struct kp_device *d, char *out, size_t size);

    /* The part of it that the bits of results depend on: not the number of threads. */
    void (*arithmetic)(const struct kp_device *d, char *out, size_t size);

    /* The processor level alone, "avx2"; NULL where there is no choice of levels. */
    const char *(*level)(const struct kp_device *d);

    /* A line for each choice that its libraries have made for the programs so far: which engine
     * does which operation. NULL: they choose for themselves. */
    void (*choices)(struct kp_device *d, struct kp_text *out);

    /* Zeroed. NULL if there is not enough. */
    void *(*alloc)(struct kp_device *d, size_t bytes);
    void (*release)(struct kp_device *d, void *p, size_t bytes);

    /* Bytes that alloc could give now, for a data set to be kept there (load.kept). NULL: the
     * device reads the host's memory, and batches are gathered there. */
    size_t (*room)(struct kp_device *d);

    /* Merge operations into the fused ones that this device has; values may become unused. Called
     * before differentiation. */
    enum kp_status (*fuse)(struct kp_device *d, struct kp_graph *g, struct kp_error *e);

    /* Choose a layout and a size in bytes for each value, insert conversions, ask for scratch. */
    enum kp_status (*plan)(struct kp_device *d, struct kp_graph *g, struct kp_error *e);

    /* After the core placed the values: make it runnable. The graph outlives the code. */
    enum kp_status (*lower)(struct kp_device *d, const struct kp_graph *g, struct kp_code **out,
                            struct kp_error *e);
    void (*code_destroy)(struct kp_code *c);

    /* Execute with the first `rows` <= capacity examples of the inputs. Rows beyond give nothing.
     */
    enum kp_status (*run)(const struct kp_code *c, struct kp_memory *m, int64_t rows,
                          struct kp_error *e);

    /* Fill an input from host memory, or read a value: canonical row-major, `rows` examples where
     * the value has a batch dimension, all of it otherwise. f32 or i32 by the value's type. */
    void (*write)(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                  const void *host, int64_t rows);
    void (*read)(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                 void *host, int64_t rows);

    /* Copy a value of one number to a block of the device, as its number `index`: in the order of
     * the runs, which nobody waits for. download() reads the block. */
    void (*put_aside)(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                      void *block, int64_t index);

    /* Augment, normalise and lay out a batch of images as the input v. */
    void (*load_batch)(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                       const struct kp_load *load);

    /* Copy an input that load_batch filled with `rows` examples to the input `to` of other memory
     * of this device. False, and nothing is copied, if the two are laid out differently. */
    bool (*copy_batch)(struct kp_device *d, const struct kp_memory *from_memory,
                       const struct kp_value *from, struct kp_memory *to_memory,
                       const struct kp_value *to, int64_t rows);

    /* Call fn(arg, task) for every task in [0, tasks), on several threads at once where the device
     * has them; returns when all are done. fn may run, load, read and write code and memory that no
     * other task uses: the thread that it is called on then does the work, with the same bits. So
     * it does where a task calls this. Tasks with high numbers should be the large ones. */
    void (*share)(struct kp_device *d, int64_t tasks, void (*fn)(void *arg, int64_t task),
                  void *arg);

    /* Copies between the host and a block of the device. */
    void (*upload)(struct kp_device *d, void *device, const void *host, size_t bytes);
    void (*download)(struct kp_device *d, void *host, const void *device, size_t bytes);

    /* Sums over several devices; NULL: it works alone. Called through group.h. */
    const struct kp_group_ops *group;
};

struct kp_device {
    const struct kp_device_ops *ops;
};

/* `kind`: "cpu", "cuda" or "ref". The only place that names the backends. */
KP_NODISCARD enum kp_status kp_device_open(const char *kind, const struct kp_device_config *config,
                                           struct kp_device **out, struct kp_error *e);
void kp_device_close(struct kp_device *d);

/* Where the device "ref" keeps a value, in double and row-major, for finite differences, which need
 * all digits. Not for values of another device. */
double *kp_device_wide(const struct kp_memory *m, const struct kp_value *v);

/* Names of all kinds, ends with NULL. */
extern const char *const kp_device_kinds[];

#endif
