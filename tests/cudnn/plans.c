/* plans.c - cuDNN's plans for the convolutions of models and operation cases, made without a GPU.
 *
 *     cudnn_plans BUILD DEVICE.json...
 *
 * The models' graphs are built as for a training and an evaluation; each convolution in them goes
 * through the code of the backend, with operands in fp32 and as halves, for each device: its
 * properties are cuDNN's own JSON form. A line for each convolution and type, then for each device
 * `engine/bytes of workspace`, with w behind the engine's number if it is Winograd's form, f if it
 * is a Fourier transform, t if it uses tensor cores. Exit status 1 if a convolution has no plan. */
#include "base/file.h"
#include "device/cuda/dnn.h"
#include "op/build.h"
#include "support/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES 16
#define CONVS   4096

#define DEVICE_BYTES ((size_t)1 << 16)

/* Models and batches of the recipes in experiments/. */
static const struct {
    const char *model, *options;
    int64_t side, classes; /* of square RGB images */
    int64_t batch, eval_batch;
} recipes[] = {
    {"cnn", "width=20", 32, 10, 256, 256},
    {"resnet", "depth=18", 32, 10, 256, 256},
    {"resnet", "depth=18", 32, 100, 128, 256},
    {"resnet", "depth=50;stem=imagenet", 224, 1000, 64, 256},
};

struct check {
    struct rig rig;
    struct kp_device *ref; /* plans the graphs; nothing is run */
    struct kp_dnn_conv seen[CONVS];
    int64_t count;
    cudnnBackendDescriptor_t devices[DEVICES];
    int device_count;
    int64_t missing;
};

static enum kp_status open_device(struct check *c, const char *path, struct kp_error *e)
{
    cudnnBackendDescriptor_t *d = &c->devices[c->device_count];
    cudnnStatus_t status;
    uint8_t *text = NULL;
    size_t size = 0;
    enum kp_status st = kp_file_read(path, DEVICE_BYTES, &text, &size, e);

    if (st != KP_OK)
        return st;
    status = cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, d);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendSetAttribute(*d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                          CUDNN_TYPE_CHAR, (int64_t)size, text);
    if (status == CUDNN_STATUS_SUCCESS)
        status = cudnnBackendFinalize(*d);
    c->device_count++;
    free(text);
    return status == CUDNN_STATUS_SUCCESS
               ? KP_OK
               : kp_fail(e, KP_E_FORMAT, "%s: cuDNN takes it for no device: %s", path,
                         cudnnGetErrorString(status));
}

static void print_plan(const struct kp_dnn_plan *p)
{
    printf(" %lld%s%s%s/%lld", (long long)p->engine,
           p->notes & 1u << CUDNN_NUMERICAL_NOTE_WINOGRAD ? "w" : "",
           p->notes & 1u << CUDNN_NUMERICAL_NOTE_FFT ? "f" : "",
           p->notes & 1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE ? "t" : "", (long long)p->workspace);
}

static void print_plans(struct check *c, const struct kp_dnn_conv *conv)
{
    char text[KP_DNN_TEXT_SIZE];

    kp_dnn_conv_text(conv, text);
    printf("%s |", text);
    for (int i = 0; i < c->device_count; i++) {
        struct kp_dnn_plan *p = NULL;
        struct kp_error e = {0};

        if (kp_dnn_plan_create(conv, c->devices[i], &p, &e) == KP_OK) {
            print_plan(p);
        } else {
            printf(" none");
            (void)fprintf(stderr, "device %d: %s\n", i + 1, e.text);
            c->missing++;
        }
        kp_dnn_plan_destroy(p);
    }
    printf("\n");
}

static bool is_new(struct check *c, const struct kp_dnn_conv *conv)
{
    for (int64_t i = 0; i < c->count; i++)
        if (memcmp(&c->seen[i], conv, sizeof(*conv)) == 0)
            return false;
    KP_ASSERT(c->count < CONVS);
    c->seen[c->count++] = *conv;
    return true;
}

static void check_graph(struct check *c, const struct kp_graph *g)
{
    struct kp_dnn_conv conv;

    for (int64_t i = 0; i < g->node_count; i++)
        for (int half = 0; half < 2; half++) {
            if (g->nodes[i]->in[0])
                g->nodes[i]->in[0]->half = half;
            if (kp_dnn_conv_of(g->nodes[i], &conv) && is_new(c, &conv))
                print_plans(c, &conv);
        }
}

static enum kp_status check_program(struct check *c, const struct kp_program_spec *spec,
                                    struct kp_error *e)
{
    struct kp_program *p = NULL;
    enum kp_status st = kp_program_create(c->ref, spec, &p, e);

    if (st == KP_OK)
        check_graph(c, &p->graph);
    kp_program_destroy(p);
    return st;
}

static enum kp_status check_cases(struct check *c, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < op_case_count; i++) {
        struct op_graph g;
        if (op_cases[i].op != KP_OP_CONV2D)
            continue;
        st = op_graph_init(&op_cases[i], PART_FORWARD | PART_GRAD_X | PART_GRAD_W, &g, e);
        if (st != KP_OK)
            break;
        check_graph(c, &g.g);
        op_graph_finish(&g);
    }
    return st;
}

static enum kp_status check_recipe(struct check *c, size_t which, struct kp_error *e)
{
    const int64_t side = recipes[which].side;
    struct kp_net *net = NULL;
    struct kp_program_spec train = {.mode = KP_TRAIN, .capacity = recipes[which].batch};
    struct kp_program_spec eval = {.mode = KP_EVAL, .capacity = recipes[which].eval_batch};
    void *self = NULL;
    enum kp_status st =
        rig_net(&c->rig, recipes[which].model, recipes[which].options,
                (struct kp_shape){3, {3, side, side}}, recipes[which].classes, &net, e);

    if (st == KP_OK)
        st = rig_objective(&c->rig, "lt", NULL, &train.objective, &self, e);
    train.objective_self = self;
    train.net = eval.net = net;
    if (st == KP_OK)
        st = check_program(c, &train, e);
    if (st == KP_OK)
        st = check_program(c, &eval, e);
    kp_net_destroy(net);
    return st;
}

static enum kp_status check_all(struct check *c, char **argv, int argc, struct kp_error *e)
{
    const struct kp_device_config config = {.threads = 1, .slice = 32};
    enum kp_status st = rig_open(&c->rig, argv[1], e);

    if (st == KP_OK)
        st = kp_device_open("ref", &config, &c->ref, e);
    for (int i = 2; st == KP_OK && i < argc; i++)
        st = open_device(c, argv[i], e);
    printf("cuDNN %d\n", (int)cudnnGetVersion());
    for (size_t i = 0; st == KP_OK && i < sizeof(recipes) / sizeof(recipes[0]); i++)
        st = check_recipe(c, i, e);
    if (st == KP_OK)
        st = check_cases(c, e);
    return st;
}

int main(int argc, char **argv)
{
    static struct check c;
    struct kp_error e = {0};
    enum kp_status st;

    if (argc < 3 || argc > 2 + DEVICES) {
        (void)fprintf(stderr, "usage: cudnn_plans BUILD DEVICE.json...\n");
        return 2;
    }
    st = check_all(&c, argv, argc, &e);
    if (st != KP_OK)
        (void)fprintf(stderr, "cudnn_plans: %s\n", e.text);
    for (int i = 0; i < c.device_count; i++)
        if (c.devices[i])
            (void)cudnnBackendDestroyDescriptor(c.devices[i]);
    kp_device_close(c.ref);
    rig_close(&c.rig);
    return st != KP_OK || c.missing > 0;
}
