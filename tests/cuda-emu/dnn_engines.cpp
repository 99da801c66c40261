// dnn_engines.cpp - double of cuDNN's backend API: handles, heuristics, engines and execution.
//
// There are engines that a program must not choose, one that refuses every graph, and one that
// computes: sums in double, rounded once to fp32 or bf16, by the tensors as declared.
// KAPPA_EMU_ENGINES = n: there are only the first n of them. KAPPA_EMU_CUDNN: the version, 90800 is
// 9.8. KAPPA_EMU_CUDNN_FAIL = n: the n-th call that can fail does.
#include "dnn_machine.h"
#include "kernels/bf16.h"

#include <algorithm>
#include <cstring>

struct engine {
    const char *text;
    int note; // -1: none
    cudnnStatus_t status;
    int64_t workspace;
    cudnnBackendHeurMode_t mode; // of the heuristics that know it
};

static const engine engines[] = {
    {"rounds what it multiplies to TF32", CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_STATUS_SUCCESS, 0,
     CUDNN_HEUR_MODE_A},
    {"adds in another order each time", CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, CUDNN_STATUS_SUCCESS,
     0, CUDNN_HEUR_MODE_A},
    {"refuses every graph", -1, CUDNN_STATUS_NOT_SUPPORTED_SHAPE, 0, CUDNN_HEUR_MODE_A},
    {"fills the memory", -1, CUDNN_STATUS_SUCCESS, (int64_t)1 << 40, CUDNN_HEUR_MODE_A},
    {"computes", CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, CUDNN_STATUS_SUCCESS, 1001,
     CUDNN_HEUR_MODE_FALLBACK},
};
static const int to_tf32 = 0, computing = 4;

static int engine_count()
{
    return (int)emu_setting("KAPPA_EMU_ENGINES", sizeof(engines) / sizeof(engines[0]));
}

bool emu_dnn_fails()
{
    static int64_t left = emu_setting("KAPPA_EMU_CUDNN_FAIL", 0);

    return left > 0 && --left == 0;
}

struct handle {
    cudaStream_t stream = nullptr;
};

static std::set<handle *> &handles = *new std::set<handle *>;

int64_t emu_dnn_handles_live()
{
    return (int64_t)handles.size();
}

bool emu_dnn_handle_lives(cudnnHandle_t h)
{
    return handles.count((handle *)h) > 0;
}

static handle *known(cudnnHandle_t h)
{
    if (!emu_dnn_handle_lives(h))
        emu_die("cuDNN: a handle that does not live");
    return (handle *)h;
}

// Of a configuration, an engine or a plan, which keep them under these names.
static int number_of(const emu_descriptor *d)
{
    return *emu_values<int>(d, CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
}

static void keep(emu_descriptor *d, int name, const void *value, size_t bytes)
{
    d->values[name].assign((const char *)value, (const char *)value + bytes);
}

static const emu_descriptor *graph_of(const emu_descriptor *config)
{
    return emu_part(config, CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
}

// The configurations that heuristics suggest; `room` 0 asks for their number.
static cudnnStatus_t suggest(const emu_descriptor *heuristics, int64_t room, int64_t *count,
                             void *out)
{
    const auto mode = *emu_values<cudnnBackendHeurMode_t>(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE);
    int64_t found = 0;

    const emu_descriptor *graph = emu_part(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    const bool half = emu_graph_of(graph).convolution.x.half;

    for (int i = 0; i < engine_count(); i++) {
        if (engines[i].mode != mode || (half && i == to_tf32))
            continue;
        if (found < room) {
            emu_descriptor *config =
                emu_descriptor_of(((cudnnBackendDescriptor_t *)out)[found],
                                  CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "ENGINEHEUR_RESULTS");
            keep(config, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, &i, sizeof(i));
            config->values[CUDNN_ATTR_ENGINE_OPERATION_GRAPH] =
                heuristics->values.at(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
            config->finalized = true;
        }
        found++;
    }
    *count = room == 0 || found < room ? found : room;
    return CUDNN_STATUS_SUCCESS;
}

static bool alike(const emu_tensor &a, const emu_tensor &b)
{
    return a.half == b.half && std::equal(a.dims, a.dims + 4, b.dims);
}

static bool alike(const emu_descriptor *a, const emu_descriptor *b)
{
    const emu_graph p =
        emu_graph_of(graph_of(emu_part(a, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)));
    const emu_graph q =
        emu_graph_of(graph_of(emu_part(b, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)));
    const emu_convolution &c = p.convolution, &d = q.convolution;

    return emu_part(a, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP) ==
               emu_part(b, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP) &&
           c.type == d.type && p.bias == q.bias && p.relu == q.relu && alike(c.x, d.x) &&
           alike(c.w, d.w) && std::equal(c.stride, c.stride + 2, d.stride) &&
           std::equal(c.pad, c.pad + 2, d.pad);
}

cudnnStatus_t emu_plan_finalize(emu_descriptor *plan)
{
    const emu_descriptor *config = emu_part(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);

    emu_no_capture("cudnnBackendFinalize of a plan");
    for (const emu_descriptor *other : emu_descriptors())
        if (other->type == plan->type && other->finalized && alike(other, plan))
            emu_die("cuDNN: there is a plan for this convolution already");
    return engines[number_of(config)].status;
}

cudnnStatus_t emu_engines_get(emu_descriptor *d, int attribute, int64_t room, int64_t *count,
                              void *out)
{
    if (attribute == CUDNN_ATTR_ENGINEHEUR_RESULTS)
        return suggest(d, room, count, out);
    if (room < 1)
        emu_die("cuDNN: no room for what is read");
    *count = 1;
    if (attribute == CUDNN_ATTR_ENGINECFG_ENGINE) {
        emu_descriptor *e = emu_descriptor_of(*(cudnnBackendDescriptor_t *)out,
                                              CUDNN_BACKEND_ENGINE_DESCRIPTOR, "ENGINECFG_ENGINE");
        e->values = d->values;
        e->finalized = true;
    } else if (attribute == CUDNN_ATTR_ENGINE_GLOBAL_INDEX) {
        *(int64_t *)out = number_of(d);
    } else if (attribute == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE) {
        *count = engines[number_of(d)].note >= 0;
        if (*count > 0)
            *(cudnnBackendNumericalNote_t *)out =
                (cudnnBackendNumericalNote_t)engines[number_of(d)].note;
    } else if (attribute == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE) {
        *(int64_t *)out =
            engines[number_of(emu_part(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG))].workspace;
    } else {
        return CUDNN_STATUS_NOT_SUPPORTED;
    }
    return CUDNN_STATUS_SUCCESS;
}

// What a variant pack says of a tensor.
static void *place_of(const emu_descriptor *pack, const emu_tensor &t)
{
    const int64_t *ids = emu_values<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    const size_t count = emu_count<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);

    for (size_t i = 0; i < count; i++) {
        if (ids[i] != t.uid)
            continue;
        void *p = emu_values<void *>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS)[i];
        emu_need("cuDNN", "a tensor", p, t.bytes());
        if ((uintptr_t)p % (uintptr_t)t.alignment != 0)
            emu_die("cuDNN: tensor %lld is not aligned to the %lld bytes that it declares",
                    (long long)t.uid, (long long)t.alignment);
        return p;
    }
    emu_die("cuDNN: the variant pack has no tensor %lld", (long long)t.uid);
}

static void *workspace_of(const emu_descriptor *pack, int64_t bytes)
{
    void *p = *emu_values<void *>(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);

    emu_need("cuDNN", "the workspace", p, (size_t)bytes);
    if ((uintptr_t)p % 256 != 0)
        emu_die("cuDNN: the workspace is not aligned to 256 bytes");
    return p;
}

static bool meet(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
    return (const char *)a < (const char *)b + b_bytes &&
           (const char *)b < (const char *)a + a_bytes;
}

struct places {
    void *x, *w, *y, *b; // b: NULL without a bias
    void *workspace;
};

static void check_apart(const emu_graph &g, const places &p, size_t workspace)
{
    const emu_convolution &c = g.convolution;
    const struct {
        const void *p;
        size_t bytes;
    } blocks[] = {{p.x, c.x.bytes()},
                  {p.w, c.w.bytes()},
                  {p.y, c.y.bytes()},
                  {p.workspace, workspace},
                  {p.b, g.bias ? g.b.bytes() : 0}};

    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++)
            if (meet(blocks[i].p, blocks[i].bytes, blocks[k].p, blocks[k].bytes))
                emu_die("cuDNN: tensors or the workspace share memory");
}

// All pairs of a pixel of x and one of y under tap (r, s): fn(x, w, y), each at its channel 0.
template <class F> static void each_pair(const emu_convolution &c, F fn)
{
    const int64_t channels = c.x.dims[1], outputs = c.y.dims[1];

    for (int64_t n = 0; n < c.y.dims[0]; n++)
        for (int64_t i = 0; i < c.y.dims[2]; i++)
            for (int64_t j = 0; j < c.y.dims[3]; j++)
                for (int64_t r = 0; r < c.w.dims[2]; r++)
                    for (int64_t s = 0; s < c.w.dims[3]; s++) {
                        const int64_t a = i * c.stride[0] - c.pad[0] + r;
                        const int64_t b = j * c.stride[1] - c.pad[1] + s;
                        if (a < 0 || b < 0 || a >= c.x.dims[2] || b >= c.x.dims[3])
                            continue;
                        fn(((n * c.x.dims[2] + a) * c.x.dims[3] + b) * channels,
                           (r * c.w.dims[3] + s) * channels,
                           ((n * c.y.dims[2] + i) * c.y.dims[3] + j) * outputs);
                    }
}

static double number(float x)
{
    return (double)x;
}

static double number(uint16_t half)
{
    return (double)kp_bf16_number(half);
}

static void put(double x, float *to)
{
    *to = (float)x;
}

static void put(double x, uint16_t *to)
{
    *to = kp_bf16_of((float)x);
}

template <class T> static void round_to(const std::vector<double> &sums, T *out)
{
    for (size_t i = 0; i < sums.size(); i++)
        put(sums[i], &out[i]);
}

template <class T> static void finish(const emu_graph &g, const T *b, std::vector<double> *sums)
{
    const size_t outputs = (size_t)g.convolution.y.dims[1];

    for (size_t i = 0; i < sums->size(); i++) {
        double &y = (*sums)[i];
        if (g.bias)
            y += number(b[i % outputs]);
        if (g.relu && y <= 0)
            y = 0;
    }
}

// All tensors are of type T.
template <class T> static void compute(const emu_graph &g, const places &p)
{
    const emu_convolution &c = g.convolution;
    const int64_t channels = c.x.dims[1], outputs = c.y.dims[1];
    const int64_t filter = c.w.dims[2] * c.w.dims[3] * channels; // numbers
    T *xs = (T *)p.x, *ws = (T *)p.w, *ys = (T *)p.y;
    std::vector<double> sums;

    if (c.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) {
        sums.resize(c.y.bytes() / sizeof(T));
        each_pair(c, [&](int64_t x, int64_t w, int64_t y) {
            for (int64_t o = 0; o < outputs; o++) {
                double sum = 0;
                for (int64_t k = 0; k < channels; k++)
                    sum += number(xs[x + k]) * number(ws[o * filter + w + k]);
                sums[(size_t)(y + o)] += sum;
            }
        });
        finish(g, (const T *)p.b, &sums);
        round_to(sums, ys);
    } else if (c.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR) {
        sums.resize(c.x.bytes() / sizeof(T));
        each_pair(c, [&](int64_t x, int64_t w, int64_t y) {
            for (int64_t o = 0; o < outputs; o++)
                for (int64_t k = 0; k < channels; k++)
                    sums[(size_t)(x + k)] += number(ys[y + o]) * number(ws[o * filter + w + k]);
        });
        round_to(sums, xs);
    } else {
        sums.resize(c.w.bytes() / sizeof(T));
        each_pair(c, [&](int64_t x, int64_t w, int64_t y) {
            for (int64_t o = 0; o < outputs; o++)
                for (int64_t k = 0; k < channels; k++)
                    sums[(size_t)(o * filter + w + k)] += number(ys[y + o]) * number(xs[x + k]);
        });
        round_to(sums, ws);
    }
}

extern "C" {

size_t cudnnGetVersion(void)
{
    return (size_t)emu_setting("KAPPA_EMU_CUDNN", CUDNN_VERSION);
}

const char *cudnnGetErrorString(cudnnStatus_t status)
{
    return status == CUDNN_STATUS_SUCCESS ? "no error" : "an error of the emulated cuDNN";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *out)
{
    const auto lock = emu_lock();

    emu_no_capture("cudnnCreate");
    if (emu_dnn_fails())
        return CUDNN_STATUS_INTERNAL_ERROR;
    handle *h = new handle;
    handles.insert(h);
    *out = (cudnnHandle_t)h;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t which)
{
    const auto lock = emu_lock();
    handle *h = known(which);

    emu_drain_all();
    handles.erase(h);
    delete h;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t which, cudaStream_t stream)
{
    const auto lock = emu_lock();

    known(which)->stream = stream;
    return emu_dnn_fails() ? CUDNN_STATUS_INTERNAL_ERROR : CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t which, cudnnBackendDescriptor_t plan_given,
                                  cudnnBackendDescriptor_t pack_given)
{
    const auto lock = emu_lock();
    const handle *h = known(which);
    const emu_descriptor *plan = emu_descriptor_of(
        plan_given, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "cudnnBackendExecute");
    const emu_descriptor *pack =
        emu_descriptor_of(pack_given, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "cudnnBackendExecute");

    if (!plan->finalized || !pack->finalized)
        emu_die("cuDNN: a plan or variant pack is executed that was never finalized");
    const emu_descriptor *config = emu_part(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const int number = number_of(config);
    if (number != computing)
        emu_die("cuDNN: an engine is executed that %s", engines[number].text);
    const emu_graph g = emu_graph_of(graph_of(config));
    const emu_convolution &c = g.convolution;
    const size_t workspace = (size_t)engines[number].workspace;
    const places p = {place_of(pack, c.x), place_of(pack, c.w), place_of(pack, c.y),
                      g.bias ? place_of(pack, g.b) : nullptr,
                      workspace_of(pack, (int64_t)workspace)};
    if (emu_count<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS) != (g.bias ? 4 : 3))
        emu_die("cuDNN: the variant pack has tensors that the graph does not");
    check_apart(g, p, workspace);
    if (emu_dnn_fails())
        return CUDNN_STATUS_EXECUTION_FAILED;
    emu_enqueue(h->stream, "cudnnBackendExecute", [=] {
        emu_need("cuDNN", "a tensor", p.x, g.convolution.x.bytes());
        emu_need("cuDNN", "a tensor", p.w, g.convolution.w.bytes());
        emu_need("cuDNN", "a tensor", p.y, g.convolution.y.bytes());
        if (g.bias)
            emu_need("cuDNN", "a tensor", p.b, g.b.bytes());
        emu_need("cuDNN", "the workspace", p.workspace, workspace);
        std::memset(p.workspace, 0xff, workspace);
        if (g.convolution.x.half)
            compute<uint16_t>(g, p);
        else
            compute<float>(g, p);
    });
    return CUDNN_STATUS_SUCCESS;
}
}
