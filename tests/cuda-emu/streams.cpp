// streams.cpp - streams, events, graphs and launches: work waits until somebody waits for it.
//
// KAPPA_EMU_SEED = 0 runs work as late as possible; another seed runs random parts of random
// streams whenever something is enqueued, and shuffles the threads of kernels.
#include "fiber.h"
#include "machine.h"
#include "shim.h"

#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

static const size_t stack_bytes = (size_t)1 << 20;

struct work {
    const char *what;
    std::function<void()> run;
};

// A stream does its work on a fiber of its own, which takes and deletes it: to ThreadSanitizer the
// work comes after what its author did before giving it, and before nothing that does not wait.
struct stream {
    std::deque<work *> waiting;
    work *next = nullptr;
    emu_fiber *fiber;
    int64_t enqueued = 0, done = 0;
    bool capturing = false;
    int device = emu_current_device();
    std::thread::id captor;
    std::vector<work> captured;
};

struct event {
    stream *on = nullptr;
    int64_t number = 0;              // of the work that it follows
    std::shared_ptr<char> mark = {}; // that this work is done
};

struct graph {
    std::vector<work> parts;
};

static std::set<stream *> &streams = *new std::set<stream *>;
static std::set<event *> &events = *new std::set<event *>;
static std::set<graph *> &graphs = *new std::set<graph *>;

static uint64_t *seed()
{
    static uint64_t state = (uint64_t)emu_setting("KAPPA_EMU_SEED", 0);

    return &state;
}

template <class T, class H> static T *known(const std::set<T *> &all, H handle, const char *what)
{
    T *p = (T *)(void *)handle;

    if (!all.count(p))
        emu_die("%s is none that lives (the default stream counts as none)", what);
    return p;
}

static void stream_main(void *argument)
{
    stream *s = (stream *)argument;

    for (;;) {
        emu_after(s->next);
        emu_memory_working(s->next->what);
        s->next->run();
        delete s->next;
        emu_done(s);
        emu_fiber_leave();
    }
}

static void drain_to(stream *s, int64_t number)
{
    emu_memory_open();
    while (s->done < number && !s->waiting.empty()) {
        s->next = s->waiting.front();
        s->waiting.pop_front();
        s->done++;
        emu_fiber_enter(s->fiber);
    }
    emu_memory_close();
}

// The host waits for all of a stream that has work, and gets no further meanwhile.
static int64_t standstills = 0;

static void wait_for(stream *s, int64_t number)
{
    const bool worked = !s->waiting.empty();

    drain_to(s, number);
    standstills += worked && s->waiting.empty();
}

int64_t emu_standstills()
{
    return standstills;
}

static void run_some()
{
    uint64_t *state = seed();

    if (*state == 0)
        return;
    for (stream *s : streams) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        if (!s->capturing && (*state >> 40) % 3 == 0)
            drain_to(s, s->done + (int64_t)((*state >> 50) % 4));
    }
}

void emu_enqueue(cudaStream_t to, const char *what, std::function<void()> run)
{
    stream *s = known(streams, to, "the stream");

    if (s->device != emu_current_device())
        emu_die("%s for a stream of device %d while device %d is the current one", what, s->device,
                emu_current_device());
    if (s->capturing) {
        s->captured.push_back({what, std::move(run)});
        return;
    }
    s->waiting.push_back(new work{what, std::move(run)});
    s->enqueued++;
    emu_done(s->waiting.back());
    run_some();
}

void emu_no_capture(const char *function)
{
    for (const stream *s : streams)
        if (s->capturing && s->captor == std::this_thread::get_id())
            emu_die("%s is not allowed while a stream is capturing", function);
}

void emu_drain(cudaStream_t which)
{
    stream *s = known(streams, which, "the stream");

    drain_to(s, s->enqueued);
    emu_after(s);
}

void emu_drain_all()
{
    for (stream *s : streams)
        emu_drain((cudaStream_t)s);
}

int64_t emu_streams_live()
{
    return (int64_t)(streams.size() + events.size() + graphs.size());
}

void emu_launch(const char *kernel, dim3 blocks, dim3 threads, cudaStream_t to,
                std::function<void()> check, std::function<void()> body)
{
    const auto lock = emu_lock();

    if (threads.x < 1 || threads.x > 1024 || threads.y != 1 || threads.z != 1)
        emu_die("%s: a block of %u x %u x %u threads; at most 1024, in one dimension", kernel,
                threads.x, threads.y, threads.z);
    if (blocks.x < 1 || blocks.x > 0x7fffffff || blocks.y != 1 || blocks.z != 1)
        emu_die("%s: a grid of %u x %u x %u blocks", kernel, blocks.x, blocks.y, blocks.z);
    emu_enqueue(to, kernel, [=] {
        check();
        emu_grid(kernel, blocks, threads, body, seed());
    });
}

void emu_check_pointer(const char *kernel, const void *p)
{
    if (p)
        emu_need(kernel, "an argument", p, 1);
}

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    const auto lock = emu_lock();

    if (flags != cudaStreamNonBlocking)
        emu_die("a stream that waits for the default stream");
    stream *s = new stream;
    s->fiber = emu_fiber_create(stack_bytes, stream_main, s);
    streams.insert(s);
    *out = (cudaStream_t)s;
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t which)
{
    const auto lock = emu_lock();

    emu_drain(which);
    streams.erase((stream *)which);
    emu_fiber_destroy(((stream *)which)->fiber);
    delete (stream *)which;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t which)
{
    const auto lock = emu_lock();

    stream *s = known(streams, which, "the stream");

    emu_no_capture("cudaStreamSynchronize");
    wait_for(s, s->enqueued);
    emu_after(s);
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    const auto lock = emu_lock();

    if (flags != cudaEventDisableTiming)
        emu_die("an event that takes the time, which nobody reads");
    event *e = new event;
    events.insert(e);
    *out = (cudaEvent_t)e;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t which)
{
    const auto lock = emu_lock();
    event *e = known(events, which, "the event");

    events.erase(e);
    delete e;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t which, cudaStream_t on)
{
    const auto lock = emu_lock();
    event *e = known(events, which, "the event");

    e->on = known(streams, on, "the stream");
    e->mark = std::make_shared<char>();
    emu_enqueue(on, "cudaEventRecord", [mark = e->mark] { emu_done(mark.get()); });
    e->number = e->on->enqueued;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t which)
{
    const auto lock = emu_lock();
    event *e = known(events, which, "the event");

    emu_no_capture("cudaEventSynchronize");
    if (e->on)
        wait_for(known(streams, e->on, "the event's stream"), e->number);
    emu_after(e->mark.get());
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t who, cudaEvent_t which, unsigned)
{
    const auto lock = emu_lock();
    const event e = *known(events, which, "the event");

    emu_enqueue(who, "cudaStreamWaitEvent", [e] {
        if (e.on && streams.count(e.on))
            drain_to(e.on, e.number);
        emu_after(e.mark.get());
    });
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t which, cudaStreamCaptureMode)
{
    const auto lock = emu_lock();
    stream *s = known(streams, which, "the stream");

    emu_no_capture("cudaStreamBeginCapture");
    s->capturing = true;
    s->captor = std::this_thread::get_id();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t which, cudaGraph_t *out)
{
    const auto lock = emu_lock();
    stream *s = known(streams, which, "the stream");

    if (!s->capturing)
        emu_die("cudaStreamEndCapture: the stream is not capturing");
    graph *g = new graph{std::move(s->captured)};
    s->capturing = false;
    s->captured.clear();
    graphs.insert(g);
    *out = (cudaGraph_t)g;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t which, unsigned long long)
{
    const auto lock = emu_lock();
    graph *g = new graph(*known(graphs, which, "the graph"));

    graphs.insert(g);
    *out = (cudaGraphExec_t)g;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t which, cudaStream_t on)
{
    const auto lock = emu_lock();

    for (const work &w : known(graphs, which, "the graph")->parts)
        emu_enqueue(on, w.what, w.run);
    return cudaSuccess;
}

static void graph_destroy(void *which)
{
    const auto lock = emu_lock();
    graph *g = known(graphs, which, "the graph");

    graphs.erase(g);
    delete g;
}

cudaError_t cudaGraphDestroy(cudaGraph_t which)
{
    graph_destroy(which);
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t which)
{
    graph_destroy(which);
    return cudaSuccess;
}
}
