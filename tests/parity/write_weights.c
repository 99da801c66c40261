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
    struct kp_shape input;
    int64_t classes;
};

static const struct sample samples[] = {
    {"cnn", "cnn", "width=5", {3, {3, 32, 32}}, 10},
    {"cnn_grey", "cnn", "width=3", {3, {1, 28, 28}}, 10},
    {"mlp", "mlp", "hidden=11 8", {3, {3, 8, 8}}, 7},
    {"resnet18", "resnet", "width=3", {3, {3, 32, 32}}, 10},
    {"resnet50", "resnet", "width=2;depth=50;stem=imagenet", {3, {3, 64, 64}}, 10},
    {"vit", "vit", "width=24;depth=3;heads=4;mlp=20", {3, {3, 32, 32}}, 10},
};

static enum kp_status train(const struct sample *s, struct rig *r, struct kp_device *d,
                            struct kp_state *state, const float *x, struct kp_error *e)
{
    struct kp_program_spec spec = {
        .net = state->net, .mode = KP_TRAIN, .capacity = ROWS, .optimizer = {.momentum = 0.9}};
    struct kp_program *program = NULL;
    struct kp_exec *exec = NULL;
    float weights[ROWS];
    int32_t labels[ROWS];
    void *self;
    enum kp_status st = rig_objective(r, "lt", NULL, &spec.objective, &self, e);

    if (st != KP_OK)
        return st;
    spec.objective_self = self;
    st = kp_program_create(d, &spec, &program, e);
    if (st == KP_OK)
        st = kp_exec_create(program, state, &exec, e);
    for (int i = 0; i < ROWS; i++) {
        weights[i] = 1;
        labels[i] = (int32_t)(i % s->classes);
    }
    for (int i = 0; i < STEPS && st == KP_OK; i++) {
        kp_exec_write(exec, program->x, x, ROWS);
        kp_exec_write(exec, program->labels, labels, ROWS);
        kp_exec_write(exec, program->weights, weights, ROWS);
        exec->memory.scalars[KP_SCALAR_LR] = 0.05;
        st = kp_exec_run(exec, ROWS, e);
    }
    kp_exec_destroy(exec);
    kp_program_destroy(program);
    return st;
}

static enum kp_status evaluate(struct kp_device *d, struct kp_state *state, const float *x,
                               float *logits, struct kp_error *e)
{
    struct kp_program_spec spec = {.net = state->net, .mode = KP_EVAL, .capacity = ROWS};
    struct kp_program *program = NULL;
    struct kp_exec *exec = NULL;
    enum kp_status st = kp_program_create(d, &spec, &program, e);

    if (st == KP_OK)
        st = kp_exec_create(program, state, &exec, e);
    if (st == KP_OK) {
        kp_exec_write(exec, program->x, x, ROWS);
        st = kp_exec_run(exec, ROWS, e);
    }
    if (st == KP_OK)
        kp_exec_read(exec, program->logits, logits, ROWS);
    kp_exec_destroy(exec);
    kp_program_destroy(program);
    return st;
}

static enum kp_status write_files(const char *folder, const struct sample *s,
                                  const struct kp_state *state, const float *x, const float *logits,
                                  struct kp_error *e)
{
    struct kp_stored probe[] = {
        {"x", KP_STORED_F32, {4, {ROWS, s->input.dim[0], s->input.dim[1], s->input.dim[2]}}, x},
        {"logits", KP_STORED_F32, kp_shape2(ROWS, s->classes), logits},
    };
    struct kp_snapshot snapshot = {0};
    char path[4096];
    enum kp_status st = kp_snapshot_take(state, false, &snapshot, e);

    if (st != KP_OK)
        return st;
    (void)snprintf(path, sizeof(path), "%s/%s.safetensors", folder, s->name);
    st = kp_safetensors_write(path, snapshot.arrays, snapshot.count, NULL, NULL, e);
    (void)snprintf(path, sizeof(path), "%s/%s.probe.safetensors", folder, s->name);
    if (st == KP_OK)
        st = kp_safetensors_write(path, probe, 2, NULL, NULL, e);
    kp_snapshot_finish(&snapshot);
    return st;
}

static enum kp_status make(const char *folder, const struct sample *s, struct rig *r,
                           struct kp_device *d, struct kp_error *e)
{
    int64_t pixels = ROWS * kp_shape_count(s->input);
    struct kp_net *net = NULL;
    struct kp_state *state = NULL;
    float logits[ROWS * 10];
    float *x = malloc((size_t)pixels * sizeof(*x));
    enum kp_status st = x ? rig_net(r, s->model, s->options, s->input, s->classes, &net, e)
                          : kp_fail(e, KP_E_NOMEM, "no memory for a batch");

    for (int64_t i = 0; x && i < pixels; i++)
        x[i] = (float)(i * 37 % 101) / 50.0F - 1.0F;
    if (st == KP_OK)
        st = kp_state_create(d, net, true, &state, e);
    if (st == KP_OK)
        st = kp_state_init(state, 5, 0, e);
    if (st == KP_OK)
        st = train(s, r, d, state, x, e);
    if (st == KP_OK)
        st = evaluate(d, state, x, logits, e);
    if (st == KP_OK)
        st = write_files(folder, s, state, x, logits, e);
    kp_state_destroy(state);
    kp_net_destroy(net);
    free(x);
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
