/* net_fixture.c - a net in training or evaluation beside what PyTorch computed for it. */
#include "net_fixture.h"

#include "train/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void net_fixture_must(enum kp_status st, const struct kp_error *e)
{
    if (st != KP_OK)
        fail_msg("%s", e->text);
}

const struct kp_stored *net_fixture_array(const struct net_fixture *f, const char *fmt, ...)
{
    char name[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);
    const struct kp_stored *a = kp_safetensors_find(&f->file, name);
    if (!a)
        fail_msg("%s has no '%s'", f->name, name);
    return a;
}

double net_fixture_largest(const struct kp_stored *a)
{
    const float *v = a->data;
    double max = 0;

    for (int64_t i = 0; i < kp_shape_count(a->shape); i++)
        max = fmax(max, fabs((double)v[i]));
    return max;
}

void net_fixture_compare(const struct net_fixture *f, const struct kp_stored *want,
                         const float *got, double bound, double scale)
{
    const float *v = want->data;
    double worst = 0;
    int64_t at = 0;

    for (int64_t i = 0; i < kp_shape_count(want->shape); i++) {
        double error = fabs((double)got[i] - (double)v[i]);
        if (error != 0)
            error /= f->exact ? 0x1p-22 * fabs((double)v[i]) + 1e-11 : bound * scale;
        if (!(error <= worst)) {
            worst = error;
            at = i;
        }
    }
    if (getenv("KAPPA_TEST_VERBOSE"))
        print_message("%-14s %-34s %.3g of the bound\n", f->name, want->name, worst);
    if (!(worst <= 1))
        fail_msg("%s on %s: %s[%lld] = %.9g, PyTorch has %.9g: %.3g times the bound", f->name,
                 f->device->ops->name, want->name, (long long)at, (double)got[at], (double)v[at],
                 worst);
}

void net_fixture_compare_list(struct net_fixture *f, const struct kp_net_list *list,
                              const void *device, const char *prefix, double bound, double share)
{
    double top = 0;

    if (list->count == 0)
        return;
    for (int64_t i = 0; share > 0 && i < list->count; i++)
        top =
            fmax(top, net_fixture_largest(net_fixture_array(f, "%s/%s", prefix, list->v[i]->name)));
    f->device->ops->download(f->device, f->host, device, list->bytes);
    for (int64_t i = 0; i < list->count; i++) {
        const struct kp_stored *want = net_fixture_array(f, "%s/%s", prefix, list->v[i]->name);
        net_fixture_compare(f, want, f->host + list->v[i]->offset / sizeof(float), bound,
                            fmax(net_fixture_largest(want), share * top));
    }
}

struct kp_model_io net_fixture_images(struct kp_shape input, int64_t classes)
{
    return (struct kp_model_io){sizeof(struct kp_model_io), KP_F32, input, classes};
}

struct kp_model_io net_fixture_tokens(int64_t context, int64_t vocabulary)
{
    const struct kp_shape tokens = kp_shape1(context);

    return (struct kp_model_io){sizeof(struct kp_model_io), KP_I32, tokens, vocabulary, tokens};
}

void net_fixture_open(struct net_fixture *f, const char *device, const char *name,
                      const char *model, const char *options, const struct kp_model_io *io)
{
    struct kp_device_config config = {.threads = 2, .slice = 16};
    struct kp_error e = {0};
    char path[512];

    if (strcmp(device, "cpu") == 0 && getenv("KAPPA_CUDA_BACKEND"))
        device = "cuda";
    *f = (struct net_fixture){.name = name, .exact = strcmp(device, "ref") == 0};
    net_fixture_must(rig_open(&f->rig, KP_BUILD_ROOT, &e), &e);
    net_fixture_must(kp_device_open(device, &config, &f->device, &e), &e);
    net_fixture_must(rig_net_io(&f->rig, model, options, io, &f->net, &e), &e);
    (void)snprintf(path, sizeof(path), KP_SOURCE_ROOT "/tests/parity/fixtures/%s.safetensors",
                   name);
    net_fixture_must(kp_safetensors_open(path, &f->file, &e), &e);
    f->rows = net_fixture_array(f, "x")->shape.dim[0];
    assert_in_range(f->rows, 1, NET_FIXTURE_ROWS);
    f->host = malloc(f->net->params.bytes + f->net->buffers.bytes);
    assert_non_null(f->host);
}

void net_fixture_close(struct net_fixture *f)
{
    free(f->host);
    kp_safetensors_close(&f->file);
    kp_net_destroy(f->net);
    kp_device_close(f->device);
    rig_close(&f->rig);
}

void net_fixture_build(struct net_fixture *f, struct kp_program_spec spec, const char *objective,
                       const char *options)
{
    struct kp_error e = {0};
    void *self = NULL;

    if (objective)
        net_fixture_must(rig_objective(&f->rig, objective, options, &spec.objective, &self, &e),
                         &e);
    spec.objective_self = self;
    spec.net = f->net;
    spec.capacity = NET_FIXTURE_CAPACITY;
    net_fixture_must(kp_program_create(f->device, &spec, &f->program, &e), &e);
    net_fixture_must(kp_state_create(f->device, f->net, objective != NULL, &f->state, &e), &e);
    net_fixture_must(kp_exec_create(f->program, f->state, &f->exec, &e), &e);
}

/* PyTorch's integers are int64, those of programs int32. */
static void write_integers(struct net_fixture *f, const struct kp_value *to, const char *name)
{
    const struct kp_stored *from = net_fixture_array(f, "%s", name);
    const int64_t *v = from->data;
    int64_t count = kp_shape_count(from->shape);
    int32_t *narrow = malloc((size_t)count * sizeof(*narrow));

    assert_non_null(narrow);
    for (int64_t i = 0; i < count; i++)
        narrow[i] = (int32_t)v[i];
    kp_exec_write(f->exec, to, narrow, f->rows);
    free(narrow);
}

void net_fixture_start(struct net_fixture *f, struct kp_program_spec spec, const char *objective,
                       const char *options)
{
    const struct kp_stored *weights = kp_safetensors_find(&f->file, "weights");
    float ones[NET_FIXTURE_ROWS];
    struct kp_error e = {0};

    net_fixture_build(f, spec, objective, options);
    net_fixture_must(kp_weights_load(f->state, &f->file, false, true, &e), &e);
    if (f->net->io.dtype == KP_I32)
        write_integers(f, f->program->x, "x");
    else
        kp_exec_write(f->exec, f->program->x, net_fixture_array(f, "x")->data, f->rows);
    if (!objective)
        return;
    for (int64_t i = 0; i < f->rows; i++)
        ones[i] = 1;
    write_integers(f, f->program->labels, "labels");
    kp_exec_write(f->exec, f->program->weights, weights ? weights->data : ones, f->rows);
    if (f->program->teacher_logits)
        kp_exec_write(f->exec, f->program->teacher_logits,
                      net_fixture_array(f, "teacher_logits")->data, f->rows);
}

void net_fixture_step(struct net_fixture *f, double lr)
{
    struct kp_error e = {0};

    f->exec->memory.scalars[KP_SCALAR_LR] = lr;
    net_fixture_must(kp_exec_run(f->exec, f->rows, &e), &e);
}

void net_fixture_stop(struct net_fixture *f)
{
    kp_exec_destroy(f->exec);
    kp_state_destroy(f->state);
    kp_program_destroy(f->program);
}
