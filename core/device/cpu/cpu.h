/* cpu.h - what the files of the cpu backend share: the device, lowered code, layouts, steps. */
#ifndef KP_CPU_CPU_H
#define KP_CPU_CPU_H

#include "base/pool.h"
#include "device/cpu/lane.h"
#include "device/device.h"

#include <pthread.h>

/* Rows (tokens) of a slice, at most, where no value is LANE and an example does not have more: long
 * enough for matrix products, short enough for the caches. */
#define KP_SLICE_ROWS 640

enum kp_cpu_level {
    KP_CPU_PORTABLE = 0,
    KP_CPU_AVX2 = 1,
    KP_CPU_AVX512 = 2,
};

struct kp_cpu {
    struct kp_device base;
    int64_t slice; /* examples, at most */
    struct kp_pool *pool;
    pthread_mutex_t busy; /* the pool has one caller at a time */
    bool busy_made;
    enum kp_cpu_level level;
    const struct kp_lane_ops *lane;
};

extern const struct kp_device_ops kp_cpu_device;

/* The level that this processor has, capped by KAPPA_CPU_LEVEL; also caps the libraries. */
KP_NODISCARD enum kp_status kp_cpu_level_choose(enum kp_cpu_level *out, struct kp_error *e);
const struct kp_lane_ops *kp_cpu_level_lane(enum kp_cpu_level level);

/* One execution. */
struct kp_pass {
    const struct kp_code *code;
    const struct kp_lane_ops *lane;
    struct kp_memory *m;
    int64_t rows;
    int64_t groups;   /* that hold rows */
    int64_t examples; /* of these groups: the rows and what fills up the last group */
    int64_t slices;   /* that hold rows */
};

/* What one call of a step covers. */
struct kp_span {
    int64_t index;            /* of the task or slice */
    int64_t group, group_end; /* of a slice */
    int64_t first, end;       /* its examples, whole groups */
    int worker;
};

struct kp_step {
    void (*fn)(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t);
    const struct kp_node *node;
    const void *data; /* prepared by the operation's lower function */
    int64_t tasks;    /* of a step that is not cut into slices */
};

struct kp_steps {
    struct kp_step *v;
    int64_t count, room;
};

/* Steps between two points where the whole batch must be there: first `before`, one step after the
 * other; then, for each slice, all of `slices`; then `after`. */
struct kp_segment {
    struct kp_steps before, slices, after;
};

/* What must be given back beside memory when code is destroyed. */
struct kp_cleanup {
    void (*fn)(void *data);
    void *data;
    struct kp_cleanup *next;
};

struct kp_code {
    struct kp_cpu *cpu;
    const struct kp_graph *graph;
    struct kp_arena memory;
    struct kp_cleanup *cleanups;
    struct kp_segment *segments;
    int64_t segment_count;
};

enum kp_phase {
    KP_BEFORE = 0,
    KP_SLICES = 1,
    KP_AFTER = 2,
};

/* A graph being lowered. */
struct kp_lowering {
    struct kp_code *code;
    struct kp_segment *segment; /* of the node at hand */
    const struct kp_node *node;
    struct kp_error *e;
    bool failed;           /* out of memory, or as e says */
    enum kp_status status; /* of e; KP_OK: out of memory */
};

typedef void kp_step_fn(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t);

void kp_lower_step(struct kp_lowering *l, enum kp_phase phase, kp_step_fn *fn, const void *data,
                   int64_t tasks);
/* Zeroed, with the code's lifetime; NULL sets l->failed. */
void *kp_lower_alloc(struct kp_lowering *l, size_t size);
/* Calls fn(data) when the code is destroyed. False if out of memory; l->failed is set. */
bool kp_lower_cleanup(struct kp_lowering *l, void (*fn)(void *data), void *data);
/* Records why the node at hand cannot be lowered, and sets l->failed. */
void kp_lower_fail(struct kp_lowering *l, enum kp_status st, const char *fmt, ...) KP_PRINTF(3, 4);

/* How an operation takes part in planning. */
enum kp_cpu_need {
    KP_WANT_PLAIN = 0,
    KP_WANT_LANE = 1,
    KP_WANT_SAME = 2, /* any layout, all batched operands the same */
    KP_WANT_CONV = 3, /* LANE where the own kernels or oneDNN do it */
    KP_WANT_FORM = 4, /* as a plugin's operation says: SAME if all is FLAT, else PLAIN */
};

/* Which phases of a segment run an operation's parts; decides when its results are complete. */
enum kp_cpu_when {
    KP_WHEN_SLICE = 0, /* per slice, [after something before]; batched results */
    KP_WHEN_SUM = 1,   /* per slice, unbatched results complete after the segment */
    KP_WHEN_WIDE = 2,  /* alone */
};

struct kp_cpu_op {
    enum kp_cpu_need need;
    enum kp_cpu_when when;
    size_t (*scratch)(const struct kp_cpu *cpu, const struct kp_graph *g, const struct kp_node *n);
    void (*lower)(struct kp_lowering *l, const struct kp_node *n);
};

extern const struct kp_cpu_op kp_cpu_ops[KP_OP_COUNT];

/* True if the own kernels do this convolution (of any direction). */
bool kp_cpu_conv_is_lane(const struct kp_node *n);
/* True if its images are LANE: the own kernels do it, or oneDNN does. */
bool kp_cpu_conv_wants_lane(const struct kp_node *n);
/* Whether this node runs alone: no result or operand that is cut into slices, or WHEN_WIDE. */
bool kp_cpu_is_wide(const struct kp_node *n);

enum kp_status kp_cpu_fuse(struct kp_device *d, struct kp_graph *g, struct kp_error *e);
enum kp_status kp_cpu_plan(struct kp_device *d, struct kp_graph *g, struct kp_error *e);
/* Segments and the order of nodes, after layouts are chosen. */
KP_NODISCARD enum kp_status kp_cpu_schedule(struct kp_graph *g, struct kp_error *e);
enum kp_status kp_cpu_lower(struct kp_device *d, const struct kp_graph *g, struct kp_code **out,
                            struct kp_error *e);
void kp_cpu_code_destroy(struct kp_code *c);
enum kp_status kp_cpu_run(const struct kp_code *c, struct kp_memory *m, int64_t rows,
                          struct kp_error *e);
void kp_cpu_write(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                  const void *host, int64_t rows);
void kp_cpu_read(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                 void *host, int64_t rows);
void kp_cpu_load_batch(const struct kp_code *c, struct kp_memory *m, const struct kp_value *v,
                       const struct kp_load *load);
void kp_cpu_put_aside(const struct kp_code *c, const struct kp_memory *m, const struct kp_value *v,
                      void *block, int64_t index);
bool kp_cpu_copy_batch(struct kp_device *d, const struct kp_memory *from_memory,
                       const struct kp_value *from, struct kp_memory *to_memory,
                       const struct kp_value *to, int64_t rows);
void kp_cpu_share(struct kp_device *d, int64_t tasks, void (*fn)(void *arg, int64_t task),
                  void *arg);

/* Work on the device from begin to end, one caller at a time; spread: fn for every task on all
 * threads. Inside a task of kp_cpu_share() all is done by the calling thread. */
void kp_cpu_begin(struct kp_cpu *cpu);
void kp_cpu_spread(struct kp_cpu *cpu, int64_t tasks,
                   void (*fn)(void *arg, int64_t task, int worker), void *arg);
void kp_cpu_end(struct kp_cpu *cpu);

/* Examples that the arena holds of a batched value: the capacity in whole groups. */
int64_t kp_cpu_padded(const struct kp_graph *g);
/* Slices that hold this many examples. */
int64_t kp_cpu_slices(const struct kp_graph *g, int64_t examples);

/* LANE geometry of a value: planes, pixels in a plane, floats from plane to plane. */
int64_t kp_lane_planes(const struct kp_value *v);
int64_t kp_lane_pixels(const struct kp_value *v);
int64_t kp_lane_plane(const struct kp_value *v);

/* Elements of one example; of the whole value if it is not batched. */
int64_t kp_value_rest(const struct kp_value *v);
/* Floats that a group of examples takes in the value's layout. */
int64_t kp_value_group(const struct kp_value *v);
/* Where a value lies. */
void *kp_value_at(const struct kp_memory *m, const struct kp_value *v);

/* The part of a value that a span covers: `first` element and `count`; everything of a value that
 * is not batched. LANE or PLAIN. */
struct kp_range {
    int64_t first, count;
};
struct kp_range kp_span_range(const struct kp_span *t, const struct kp_value *v);

static inline float *kp_floats(const struct kp_pass *p, const struct kp_value *v)
{
    return v ? (float *)kp_value_at(p->m, v) : NULL;
}

/* Examples of group g that count, where groups have 16. */
static inline int kp_pass_lanes(const struct kp_pass *p, int64_t group)
{
    int64_t left = p->rows - group * KP_LANES;
    return left < KP_LANES ? (int)left : KP_LANES;
}

static inline void *kp_scratch(const struct kp_pass *p, const struct kp_node *n)
{
    return (char *)p->m->arena + n->scratch_offset;
}

/* The operations, by file. */
size_t kp_scratch_conv(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_conv_grad_w(const struct kp_cpu *, const struct kp_graph *,
                              const struct kp_node *);
size_t kp_scratch_conv_gemm(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_norm_grad(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_clip(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_mean(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_norm_eval_grad(const struct kp_cpu *, const struct kp_graph *,
                                 const struct kp_node *);
size_t kp_scratch_layer_norm(const struct kp_cpu *, const struct kp_graph *,
                             const struct kp_node *);
size_t kp_scratch_attention(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_losses(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_row_loss(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_head_loss(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);
size_t kp_scratch_foreign(const struct kp_cpu *, const struct kp_graph *, const struct kp_node *);

void kp_lower_conv(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_conv_grad_w(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_conv_gemm(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_fold(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_linear(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_norm_sums(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_norm(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_norm_grad_sums(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_norm_grad(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_norm_eval(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_norm_eval_grad(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_pool(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_element(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_rows(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_losses(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_row_loss(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_head_loss(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_mean(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_classes(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_accumulate(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_clip(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_optimizer(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_layer_norm(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_attention(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_patches(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_tokens(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_embedding(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_foreign(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_dropout(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_convert(struct kp_lowering *l, const struct kp_node *n);
void kp_lower_nothing(struct kp_lowering *l, const struct kp_node *n);

/* sums = those of the columns of x, rows `stride` floats apart. */
void kp_column_sums(const float *x, int64_t rows, int64_t columns, int64_t stride, double *sums);

/* Sum of the weights that count. */
double kp_weight_sum(const struct kp_pass *p, const struct kp_value *w);

/* Of the losses of rows: what a row's gradient is multiplied by beside its weight, dy / sum(w) or
 * 0; their weighted mean from loss i times weight i; floats that a thread's row function works in.
 */
double kp_rows_share(const struct kp_pass *p, const struct kp_value *w, const struct kp_value *dy);
float kp_rows_mean(const struct kp_pass *p, const struct kp_value *w, const double *losses);
int64_t kp_rows_work(int64_t classes);

/* Parts of dw, db that the slices of a CONV2D_GRAD_W leave in its scratch: that of one slice, and
 * the floats of all, after which the scratch goes on. */
float *kp_conv_grad_part(const struct kp_node *n, const struct kp_pass *p, int64_t slice);
int64_t kp_conv_grad_parts(const struct kp_node *n, int64_t slices);

/* The statistics of one group of a batch norm's operand (node BATCH_NORM_SUMS); also called by the
 * convolution right after it made the planes [channel, channel_end). */
void kp_norm_group_sums(const struct kp_node *sums, const struct kp_pass *p, int64_t group,
                        int64_t channel, int64_t channel_end);
/* Where they go: two doubles for each channel. */
double *kp_norm_group_pairs(const struct kp_node *sums, const struct kp_pass *p, int64_t group);
/* The BATCH_NORM_SUMS node of v in the same segment, or NULL. */
const struct kp_node *kp_norm_sums_of(const struct kp_graph *g, const struct kp_node *producer);

/* Moves the examples of one group between row-major memory and the LANE memory of v. Those that are
 * not below `rows` are packed as zeros and not unpacked. */
void kp_lane_pack(const struct kp_value *v, float *lane, const float *plain, int64_t group,
                  int64_t rows);
void kp_lane_unpack(const struct kp_value *v, const float *lane, float *plain, int64_t group,
                    int64_t rows);

#endif
