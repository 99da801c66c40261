/* step_bench.c - times steps of a model, VanillaCNN unless told otherwise: for each number N read
 * from standard input it runs N steps and prints the seconds of one.
 *
 * A step is what the training loop does with a batch: load bytes (augment, normalise, lay out),
 * write labels and weights, run, read the loss. In evaluation: load, run, read the logits. With
 * --bare a training step loads nothing. --cost prints first what a step cannot be faster than, see
 * cost.h. */
#include "base/rng.h"
#include "cost.h"
#include "support/rig.h"
#include "turns.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES  10
#define CHANNELS 3
#define SIDE     32
#define BATCH    4096 /* at most */

struct bench {
    struct kp_device *device;
    struct kp_net *net;
    struct kp_program *program;
    struct kp_state *state;
    struct kp_exec *exec;
    int64_t batch;
    bool bare, loaded; /* bare: the first batch stays loaded */
    const char *model, *options;
    uint8_t *bytes;
    struct kp_draw *draws;
    int32_t *labels;
    float *weights, *logits;
};

static const float mean[CHANNELS] = {0.485F, 0.456F, 0.406F};
static const float sd[CHANNELS] = {0.229F, 0.224F, 0.225F};

static enum kp_status fill(struct bench *b, struct kp_error *e)
{
    size_t n = (size_t)b->batch, pixels = n * CHANNELS * SIDE * SIDE;
    struct kp_rng_key key = {.seed = 1};

    b->bytes = malloc(pixels);
    b->draws = calloc(n, sizeof(*b->draws));
    b->labels = calloc(n, sizeof(*b->labels));
    b->weights = calloc(n, sizeof(*b->weights));
    b->logits = calloc(n * CLASSES, sizeof(*b->logits));
    if (!b->bytes || !b->draws || !b->labels || !b->weights || !b->logits)
        return kp_fail(e, KP_E_NOMEM, "no memory for a batch of %lld", (long long)b->batch);
    for (size_t i = 0; i < pixels; i++)
        b->bytes[i] = (uint8_t)(256 * kp_rng_uniform(key, i, 0));
    for (size_t i = 0; i < n; i++) {
        b->draws[i].flip = kp_rng_uniform(key, i, 1) < 0.5;
        b->labels[i] = (int32_t)(CLASSES * kp_rng_uniform(key, i, 2));
        b->weights[i] = 1;
    }
    return KP_OK;
}

static enum kp_status prepare(struct bench *b, struct rig *rig, bool train, struct kp_error *e)
{
    struct kp_program_spec spec = {
        .net = NULL, .mode = train ? KP_TRAIN : KP_EVAL, .capacity = b->batch};
    struct kp_shape rgb = {3, {CHANNELS, SIDE, SIDE}};
    void *self = NULL;
    enum kp_status st = rig_net(rig, b->model, b->options, rgb, CLASSES, &b->net, e);

    if (st == KP_OK && train)
        st = rig_objective(rig, "lt", NULL, &spec.objective, &self, e);
    spec.net = b->net;
    spec.objective_self = self;
    if (st == KP_OK)
        st = kp_program_create(b->device, &spec, &b->program, e);
    if (st == KP_OK)
        st = kp_state_create(b->device, b->net, train, &b->state, e);
    if (st == KP_OK)
        st = kp_state_init(b->state, 1, 0, e);
    if (st == KP_OK)
        st = kp_exec_create(b->program, b->state, &b->exec, e);
    if (st == KP_OK)
        st = fill(b, e);
    return st;
}

static enum kp_status step(void *arg, struct kp_error *e)
{
    struct bench *b = arg;
    const struct kp_load load = {.bytes = b->bytes,
                                 .draws = b->draws,
                                 .rows = b->batch,
                                 .channels = CHANNELS,
                                 .height = SIDE,
                                 .width = SIDE,
                                 .mean = mean,
                                 .sd = sd};
    float loss;

    if (!b->bare || !b->loaded)
        kp_exec_load(b->exec, &load);
    b->loaded = true;
    if (b->program->trains) {
        kp_exec_write(b->exec, b->program->labels, b->labels, b->batch);
        kp_exec_write(b->exec, b->program->weights, b->weights, b->batch);
        b->exec->memory.scalars[KP_SCALAR_LR] = 1e-3;
    }
    enum kp_status st = kp_exec_run(b->exec, b->batch, e);
    if (st != KP_OK)
        return st;
    if (b->program->trains)
        kp_exec_read(b->exec, b->program->loss, &loss, 1);
    else
        kp_exec_read(b->exec, b->program->logits, b->logits, b->batch);
    return KP_OK;
}

static void finish(struct bench *b)
{
    kp_exec_destroy(b->exec);
    kp_state_destroy(b->state);
    kp_program_destroy(b->program);
    kp_net_destroy(b->net);
    kp_device_close(b->device);
    free(b->bytes);
    free(b->draws);
    free(b->labels);
    free(b->weights);
    free(b->logits);
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: step_bench [--threads N] [--batch N] [--slice N] [--bare] [--cost]\n"
                  "                  [--device KIND] [--model NAME]\n"
                  "                  [--options 'name=value;name=value'] train|eval\n"
                  "reads numbers of steps from standard input\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"threads", required_argument, NULL, 't'},
        {"batch", required_argument, NULL, 'b'},
        {"slice", required_argument, NULL, 's'},
        {"bare", no_argument, NULL, 'x'},
        {"cost", no_argument, NULL, 'c'},
        {"device", required_argument, NULL, 'd'},
        {"model", required_argument, NULL, 'm'},
        {"options", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    struct kp_device_config config = {.threads = 2, .slice = 32};
    struct bench b = {.batch = 256, .model = "cnn"};
    const char *device = "cpu";
    bool cost = false;
    struct rig rig;
    struct kp_error e = {0};
    char text[256];
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 'm')
            b.model = optarg;
        if (c == 'o')
            b.options = optarg;
        if (c == 'd')
            device = optarg;
        if (c == 'm' || c == 'o' || c == 'd')
            continue;
        long n = optarg ? strtol(optarg, NULL, 10) : 1;
        if (c == '?' || n < 1 || n > BATCH)
            return usage();
        if (c == 't')
            config.threads = (int)n;
        else if (c == 'b')
            b.batch = n;
        else if (c == 's')
            config.slice = n;
        else if (c == 'c')
            cost = true;
        else
            b.bare = true;
    }
    if (optind + 1 != argc ||
        (strcmp(argv[optind], "train") != 0 && strcmp(argv[optind], "eval") != 0))
        return usage();

    enum kp_status st = rig_open(&rig, KP_BUILD_ROOT, &e);
    if (st == KP_OK) {
        st = kp_device_open(device, &config, &b.device, &e);
        if (st == KP_OK)
            st = prepare(&b, &rig, strcmp(argv[optind], "train") == 0, &e);
        if (st == KP_OK) {
            b.device->ops->describe(b.device, text, sizeof(text));
            (void)fprintf(stderr, "kappa: %s; %lld parameters, batch %lld\n", text,
                          (long long)kp_net_param_count(b.net), (long long)b.batch);
            if (cost)
                cost_print(b.program);
            st = turns_serve(step, &b, &e);
        }
        finish(&b);
        rig_close(&rig);
    }
    if (st != KP_OK)
        (void)fprintf(stderr, "step_bench: %s\n", e.text);
    return st == KP_OK ? 0 : 1;
}
