/* write_weights.c - write_weights FOLDER: trains small nets a little and writes their weights as a
 * run would (NAME.safetensors), and beside them a batch with its logits (NAME.probe.safetensors).
 */
#include "support/rig.h"
#include "train/weights.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS  9
#define STEPS 3

struct sample {
    const char *name, *model, *options;
    struct kp_shape input; /* (C, H, W), or (T) tokens with a label for each */
    int64_t classes;
};

/* A batch of ROWS examples; x is float, or int32 tokens. */
struct sample_batch {
    void *x;
    int32_t *labels;
    float *weights, *logits;
};

static const struct sample samples[] = {
    {"cnn", "cnn", "width=5", {3, {3, 32, 32}}, 10},
    {"cnn_grey", "cnn", "width=3", {3, {1, 28, 28}}, 10},
    {"mlp", "mlp", "hidden=11 8", {3, {3, 8, 8}}, 7},
    {"resnet18", "resnet", "width=3", {3, {3, 32, 32}}, 10},
    {"resnet50", "resnet", "width=2;depth=50;stem=imagenet", {3, {3, 64, 64}}, 10},
    {"vit", "vit", "width=24;depth=3;heads=4;mlp=20", {3, {3, 32, 32}}, 10},
    {"gpt", "gpt", "width=16;depth=3;heads=2;head_width=6;mlp=20;context=20", {1, {20}}, 29},
};

static struct kp_model_io io_of(const struct sample *s)
{
    struct kp_model_io io = {
        .size = sizeof(io), .dtype = KP_F32, .input = s->input, .classes = s->classes};

    if (s->input.n == 1) {
        io.dtype = KP_I32;
        io.labels = s->input;
    }
    return io;
}

static enum kp_status make_batch(const struct kp_model_io *io, struct sample_batch *out,
                                 struct kp_error *e)
{
    int64_t numbers = ROWS * kp_shape_count(io->input), rows = ROWS * kp_shape_count(io->labels);
    struct sample_batch b = {
        .x = malloc((size_t)numbers * sizeof(float)),
        .labels = malloc((size_t)rows * sizeof(int32_t)),
        .weights = malloc((size_t)rows * sizeof(float)),
        .logits = malloc((size_t)(rows * io->classes) * sizeof(float)),
    };

    *out = b;
    if (!b.x || !b.labels || !b.weights || !b.logits)
        return kp_fail(e, KP_E_NOMEM, "no memory for a batch");
    for (int64_t i = 0; i < numbers; i++) {
        if (io->dtype == KP_I32)
            ((int32_t *)b.x)[i] = (int32_t)(i * 37 % 101 % io->classes);
        else
            ((float *)b.x)[i] = (float)(i * 37 % 101) / 50.0F - 1.0F;
    }
    for (int64_t i = 0; i < rows; i++) {
        b.weights[i] = 1;
        b.labels[i] = (int32_t)(i % io->classes);
    }
    return KP_OK;
}

static void free_batch(struct sample_batch *b)
{
    free(b->x);
    free(b->labels);
    free(b->weights);
    free(b->logits);
}

static enum kp_status train(struct rig *r, struct kp_device *d, struct kp_state *state,
                            const struct sample_batch *b, struct kp_error *e)
{
    struct kp_program_spec spec = {
        .net = state->net, .mode = KP_TRAIN, .capacity = ROWS, .optimizer = {.momentum = 0.9}};
    struct kp_program *program = NULL;
    struct kp_exec *exec = NULL;
    void *self;
    enum kp_status st = rig_objective(r, "lt", NULL, &spec.objective, &self, e);

    if (st != KP_OK)
        return st;
    spec.objective_self = self;
    st = kp_program_create(d, &spec, &program, e);
    if (st == KP_OK)
        st = kp_exec_create(program, state, &exec, e);
    for (int i = 0; i < STEPS && st == KP_OK; i++) {
        kp_exec_write(exec, program->x, b->x, ROWS);
        kp_exec_write(exec, program->labels, b->labels, ROWS);
        kp_exec_write(exec, program->weights, b->weights, ROWS);
        exec->memory.scalars[KP_SCALAR_LR] = 0.05;
        st = kp_exec_run(exec, ROWS, e);
    }
    kp_exec_destroy(exec);
    kp_program_destroy(program);
    return st;
}

static enum kp_status evaluate(struct kp_device *d, struct kp_state *state,
                               const struct sample_batch *b, struct kp_error *e)
{
    struct kp_program_spec spec = {.net = state->net, .mode = KP_EVAL, .capacity = ROWS};
    struct kp_program *program = NULL;
    struct kp_exec *exec = NULL;
    enum kp_status st = kp_program_create(d, &spec, &program, e);

    if (st == KP_OK)
        st = kp_exec_create(program, state, &exec, e);
    if (st == KP_OK) {
        kp_exec_write(exec, program->x, b->x, ROWS);
        st = kp_exec_run(exec, ROWS, e);
    }
    if (st == KP_OK)
        kp_exec_read(exec, program->logits, b->logits, ROWS);
    kp_exec_destroy(exec);
    kp_program_destroy(program);
    return st;
}

/* (ROWS, inner...) and, if there are classes, (ROWS, inner..., classes). */
static struct kp_shape rows_of(struct kp_shape inner, int64_t classes)
{
    struct kp_shape s = {1, {ROWS}};

    for (int i = 0; i < inner.n; i++)
        s.dim[s.n++] = inner.dim[i];
    if (classes > 0)
        s.dim[s.n++] = classes;
    return s;
}

/* Tokens are stored as PyTorch's integers. */
static enum kp_status write_probe(const char *path, const struct kp_model_io *io,
                                  const struct sample_batch *b, struct kp_error *e)
{
    struct kp_stored probe[] = {
        {"x", KP_STORED_F32, rows_of(io->input, 0), b->x},
        {"logits", KP_STORED_F32, rows_of(io->labels, io->classes), b->logits},
    };
    int64_t count = kp_shape_count(probe[0].shape);
    int64_t *ids = NULL;

    if (io->dtype == KP_I32) {
        ids = malloc((size_t)count * sizeof(*ids));
        if (!ids)
            return kp_fail(e, KP_E_NOMEM, "no memory for a batch");
        for (int64_t i = 0; i < count; i++)
            ids[i] = ((const int32_t *)b->x)[i];
        probe[0].type = KP_STORED_I64;
        probe[0].data = ids;
    }
    enum kp_status st = kp_safetensors_write(path, probe, 2, NULL, NULL, e);
    free(ids);
    return st;
}

static enum kp_status write_files(const char *folder, const struct sample *s,
                                  const struct kp_state *state, const struct sample_batch *b,
                                  struct kp_error *e)
{
    const struct kp_model_io io = io_of(s);
    struct kp_snapshot snapshot = {0};
    char path[4096];
    enum kp_status st = kp_snapshot_take(state, false, &snapshot, e);

    if (st != KP_OK)
        return st;
    (void)snprintf(path, sizeof(path), "%s/%s.safetensors", folder, s->name);
    st = kp_safetensors_write(path, snapshot.arrays, snapshot.count, NULL, NULL, e);
    (void)snprintf(path, sizeof(path), "%s/%s.probe.safetensors", folder, s->name);
    if (st == KP_OK)
        st = write_probe(path, &io, b, e);
    kp_snapshot_finish(&snapshot);
    return st;
}

static enum kp_status make(const char *folder, const struct sample *s, struct rig *r,
                           struct kp_device *d, struct kp_error *e)
{
    const struct kp_model_io io = io_of(s);
    struct sample_batch batch = {0};
    struct kp_net *net = NULL;
    struct kp_state *state = NULL;
    enum kp_status st = make_batch(&io, &batch, e);

    if (st == KP_OK)
        st = rig_net_io(r, s->model, s->options, &io, &net, e);
    if (st == KP_OK)
        st = kp_state_create(d, net, true, &state, e);
    if (st == KP_OK)
        st = kp_state_init(state, 5, 0, e);
    if (st == KP_OK)
        st = train(r, d, state, &batch, e);
    if (st == KP_OK)
        st = evaluate(d, state, &batch, e);
    if (st == KP_OK)
        st = write_files(folder, s, state, &batch, e);
    kp_state_destroy(state);
    kp_net_destroy(net);
    free_batch(&batch);
    return st;
}

int main(int argc, char **argv)
{
    struct kp_device_config config = {.threads = 1, .slice = 16};
    struct kp_device *device = NULL;
    struct kp_error e = {0};
    struct rig rig;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: write_weights FOLDER\n");
        return 2;
    }
    enum kp_status st = rig_open(&rig, KP_BUILD_ROOT, &e);
    if (st == KP_OK) {
        st = kp_device_open("cpu", &config, &device, &e);
        for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]) && st == KP_OK; i++)
            st = make(argv[1], &samples[i], &rig, device, &e);
        kp_device_close(device);
        rig_close(&rig);
    }
    if (st != KP_OK)
        (void)fprintf(stderr, "write_weights: %s\n", e.text);
    return st == KP_OK ? 0 : 1;
}
