/* gpt_bench.c - times training steps of a GPT: for each number N read from standard input it runs N
 * steps and prints the seconds of one.
 *
 * A step writes tokens, labels and weights, runs and reads the loss. With --objective kd a teacher
 * of the same size sees the tokens first, and the student learns from its features and head.
 * --whole: logits exist as a whole. --cost: see cost.h. */
#include "base/rng.h"
#include "cost.h"
#include "support/rig.h"
#include "turns.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS     512
#define VOCABULARY 16384
#define BATCH      256 /* at most */

/* A net at work. */
struct worker {
    struct kp_net *net;
    struct kp_program *program;
    struct kp_state *state;
    struct kp_exec *exec;
};

struct bench {
    struct kp_device *device;
    struct worker student, teacher; /* no teacher: NULLs */
    int64_t batch;
    const char *objective, *options;
    bool whole, cost;
    int32_t *ids, *labels;
    float *weights, *taught;
};

static enum kp_status fill(struct bench *b, struct kp_error *e)
{
    const size_t rows = (size_t)b->batch * TOKENS;
    const struct kp_program *p = b->student.program;
    const struct kp_value *taught = p->teacher_features ? p->teacher_features : p->teacher_logits;
    const struct kp_rng_key key = {.seed = 1};

    b->ids = calloc(rows, sizeof(*b->ids));
    b->labels = calloc(rows, sizeof(*b->labels));
    b->weights = calloc(rows, sizeof(*b->weights));
    b->taught = calloc(taught ? (size_t)kp_shape_count(taught->shape) : 1, sizeof(*b->taught));
    if (!b->ids || !b->labels || !b->weights || !b->taught)
        return kp_fail(e, KP_E_NOMEM, "no memory for a batch of %lld", (long long)b->batch);
    for (size_t i = 0; i < rows; i++) {
        b->ids[i] = (int32_t)kp_rng_below(key, i, 0, VOCABULARY);
        b->labels[i] = (int32_t)kp_rng_below(key, i, 1, VOCABULARY);
        b->weights[i] = 1;
    }
    return KP_OK;
}

static enum kp_status make(struct bench *b, struct rig *rig, struct worker *w,
                           struct kp_program_spec spec, struct kp_error *e)
{
    const struct kp_model_io io = {.size = sizeof(io),
                                   .dtype = KP_I32,
                                   .input = kp_shape1(TOKENS),
                                   .labels = kp_shape1(TOKENS),
                                   .classes = VOCABULARY};
    const bool train = spec.mode == KP_TRAIN;
    enum kp_status st = rig_net_io(rig, "gpt", b->options, &io, &w->net, e);

    spec.net = w->net;
    spec.capacity = b->batch;
    if (st == KP_OK)
        st = kp_program_create(b->device, &spec, &w->program, e);
    if (st == KP_OK)
        st = kp_state_create(b->device, w->net, train, &w->state, e);
    if (st == KP_OK)
        st = kp_state_init(w->state, 1, train, e);
    return st == KP_OK ? kp_exec_create(w->program, w->state, &w->exec, e) : st;
}

static enum kp_status prepare(struct bench *b, struct rig *rig, struct kp_error *e)
{
    const struct kp_program_spec teacher = {.mode = KP_EVAL, .without_logits = !b->whole};
    struct kp_program_spec spec = {
        .mode = KP_TRAIN,
        .chunk_head = !b->whole,
        .optimizer = {.kind = KP_OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8}};
    void *self = NULL;
    enum kp_status st = rig_objective(rig, b->objective, NULL, &spec.objective, &self, e);

    spec.objective_self = self;
    if (st == KP_OK && spec.objective->needs & KP_NEED_TEACHER_LOGITS)
        st = make(b, rig, &b->teacher, teacher, e);
    spec.teacher = b->teacher.program;
    if (st == KP_OK)
        st = make(b, rig, &b->student, spec, e);
    if (st == KP_OK && b->teacher.exec)
        st = kp_exec_take_head(b->student.exec, b->teacher.exec, e);
    return st == KP_OK ? fill(b, e) : st;
}

/* The teacher's features, or logits. */
static enum kp_status teach(struct bench *b, struct kp_error *e)
{
    const struct kp_program *s = b->student.program, *t = b->teacher.program;

    kp_exec_write(b->teacher.exec, t->x, b->ids, b->batch);
    enum kp_status st = kp_exec_run(b->teacher.exec, b->batch, e);
    kp_exec_read(b->teacher.exec, t->logits ? t->logits : t->features, b->taught, b->batch);
    kp_exec_write(b->student.exec, t->logits ? s->teacher_logits : s->teacher_features, b->taught,
                  b->batch);
    return st;
}

static enum kp_status step(void *arg, struct kp_error *e)
{
    struct bench *b = arg;
    struct kp_exec *x = b->student.exec;
    const struct kp_program *p = x->program;
    enum kp_status st = b->teacher.exec ? teach(b, e) : KP_OK;
    float loss;

    if (st != KP_OK)
        return st;
    kp_exec_write(x, p->x, b->ids, b->batch);
    kp_exec_write(x, p->labels, b->labels, b->batch);
    kp_exec_write(x, p->weights, b->weights, b->batch);
    x->memory.scalars[KP_SCALAR_LR] = 1e-4;
    st = kp_exec_run(x, b->batch, e);
    if (st == KP_OK)
        kp_exec_read(x, p->loss, &loss, 1);
    return st;
}

static void finish_worker(struct worker *w)
{
    kp_exec_destroy(w->exec);
    kp_state_destroy(w->state);
    kp_program_destroy(w->program);
    kp_net_destroy(w->net);
}

static void finish(struct bench *b)
{
    finish_worker(&b->student);
    finish_worker(&b->teacher);
    kp_device_close(b->device);
    free(b->ids);
    free(b->labels);
    free(b->weights);
    free(b->taught);
}

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: gpt_bench [--threads N] [--batch N] [--objective NAME] [--whole]\n"
                  "                 [--cost] [--device KIND] [--options 'name=value;name=value']\n"
                  "reads numbers of steps from standard input\n");
    return 2;
}

static enum kp_status serve(struct bench *b, struct rig *rig, struct kp_error *e)
{
    char text[256];
    enum kp_status st = prepare(b, rig, e);

    if (st != KP_OK)
        return st;
    b->device->ops->describe(b->device, text, sizeof(text));
    (void)fprintf(stderr, "kappa: %s; %lld parameters, batch %lld\n", text,
                  (long long)kp_net_param_count(b->student.net), (long long)b->batch);
    if (b->cost)
        cost_print(b->student.program);
    return turns_serve(step, b, e);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"threads", required_argument, NULL, 't'},   {"batch", required_argument, NULL, 'b'},
        {"objective", required_argument, NULL, 'j'}, {"whole", no_argument, NULL, 'w'},
        {"options", required_argument, NULL, 'o'},   {"cost", no_argument, NULL, 'c'},
        {"device", required_argument, NULL, 'd'},    {NULL, 0, NULL, 0},
    };
    struct kp_device_config config = {.threads = 2, .slice = 32};
    struct bench b = {.batch = 4, .objective = "lt"};
    const char *device = "cpu";
    struct rig rig;
    struct kp_error e = {0};
    int c;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        const long n = optarg ? strtol(optarg, NULL, 10) : 1;
        if (c == '?' || ((c == 't' || c == 'b') && (n < 1 || n > BATCH)))
            return usage();
        if (c == 't')
            config.threads = (int)n;
        else if (c == 'b')
            b.batch = n;
        else if (c == 'j')
            b.objective = optarg;
        else if (c == 'o')
            b.options = optarg;
        else if (c == 'd')
            device = optarg;
        else if (c == 'c')
            b.cost = true;
        else
            b.whole = true;
    }
    if (optind != argc)
        return usage();
    enum kp_status st = rig_open(&rig, KP_BUILD_ROOT, &e);
    if (st == KP_OK) {
        st = kp_device_open(device, &config, &b.device, &e);
        if (st == KP_OK)
            st = serve(&b, &rig, &e);
        finish(&b);
        rig_close(&rig);
    }
    if (st != KP_OK)
        (void)fprintf(stderr, "gpt_bench: %s\n", e.text);
    return st == KP_OK ? 0 : 1;
}
