// bugs.cpp - wrong kernels and wrong calls, each of which the emulation must find; and the same
// made right, which it must let pass.
//
// Each runs in a process of its own. What ends it with a message is found by the message; what only
// gives wrong numbers is found if one of a few schedules gives them; under ThreadSanitizer if every
// one gives them or a report, and one at least a report.
#include "bugs.h"
#include "shim.h"

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

static const int threads = 64;

static cudaStream_t new_stream()
{
    cudaStream_t s;

    (void)cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
    return s;
}

static int *new_ints(int64_t count)
{
    void *p;

    (void)cudaMalloc(&p, (size_t)count * sizeof(int));
    return (int *)p;
}

static int *new_pinned(int64_t count)
{
    void *p;

    (void)cudaMallocHost(&p, (size_t)count * sizeof(int));
    return (int *)p;
}

// The numbers behind p, when all work of the stream is done.
static std::vector<int> numbers(const int *p, int64_t count, cudaStream_t s)
{
    int *host = new_pinned(count);

    (void)cudaMemcpyAsync(host, p, (size_t)count * sizeof(int), cudaMemcpyDeviceToHost, s);
    (void)cudaStreamSynchronize(s);
    return std::vector<int>(host, host + count);
}

template <bool right> static __global__ void reverse(int *out)
{
    __shared__ int part[threads];

    part[threadIdx.x] = (int)threadIdx.x;
    if (right)
        __syncthreads();
    out[threadIdx.x] = part[threads - 1 - threadIdx.x];
}

template <bool right> static bool barrier_missing()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    KP_LAUNCH(reverse<right>, 1, threads, s, p);
    const std::vector<int> got = numbers(p, threads, s);
    for (int i = 0; i < threads; i++)
        if (got[(size_t)i] != threads - 1 - i)
            return false;
    return true;
}

template <bool right> static __global__ void apart(int *out)
{
    if (right || threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
    out[threadIdx.x] = 1;
}

template <bool right> static bool barriers_differ()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    KP_LAUNCH(apart<right>, 1, threads, s, p);
    return numbers(p, threads, s)[0] == 1;
}

template <bool right> static __global__ void shuffled(int *out)
{
    if (!right && threadIdx.x >= 16)
        return;
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);
}

template <bool right> static bool lane_gone()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(32);

    KP_LAUNCH(shuffled<right>, 1, 32, s, p);
    return numbers(p, 32, s)[0] == 1;
}

static __global__ void set_all(int64_t count, int *out, int value)
{
    for (int64_t i = threadIdx.x; i < count; i += blockDim.x)
        out[i] = value;
}

template <bool right> static bool end_overrun()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    KP_LAUNCH(set_all, 1, threads, s, right ? threads : threads + 1, p, 1);
    return numbers(p, threads, s)[0] == 1;
}

template <bool right> static bool far_outside()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    KP_LAUNCH(set_all, 1, threads, s, right ? threads : 4096, p, 1);
    return numbers(p, threads, s)[0] == 1;
}

template <bool right> static bool used_after_free()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(threads), *q = new_ints(threads);

    (void)cudaFree(right ? q : p);
    KP_LAUNCH(set_all, 1, threads, s, threads, p, 1);
    return numbers(p, threads, s)[0] == 1;
}

template <bool right> static bool host_pointer()
{
    static int here[threads];
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    KP_LAUNCH(set_all, 1, threads, s, threads, right ? p : here, 1);
    return numbers(p, threads, s).size() == threads;
}

template <bool right> static bool host_reads()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    KP_LAUNCH(set_all, 1, threads, s, threads, p, 1);
    (void)cudaStreamSynchronize(s);
    return (right ? numbers(p, threads, s)[0] : *(volatile int *)p) == 1;
}

template <bool right> static bool large_block()
{
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    KP_LAUNCH(set_all, 1, right ? 1024 : 1025, s, threads, p, 1);
    return numbers(p, threads, s)[0] == 1;
}

// A copy on one stream, its user on another.
template <bool right> static bool wait_missing()
{
    cudaStream_t copy = new_stream(), s = new_stream();
    int *from = new_pinned(threads), *p = new_ints(threads), *q = new_ints(threads);
    cudaEvent_t copied;

    (void)cudaEventCreateWithFlags(&copied, cudaEventDisableTiming);
    for (int i = 0; i < threads; i++)
        from[i] = 7;
    (void)cudaMemcpyAsync(p, from, threads * sizeof(int), cudaMemcpyHostToDevice, copy);
    (void)cudaEventRecord(copied, copy);
    if (right)
        (void)cudaStreamWaitEvent(s, copied, 0);
    (void)cudaMemcpyAsync(q, p, threads * sizeof(int), cudaMemcpyDeviceToDevice, s);
    return numbers(q, threads, s)[0] == 7;
}

// The pinned memory of a copy is written again before the copy has read it.
template <bool right> static bool staging_reused()
{
    cudaStream_t s = new_stream();
    int *from = new_pinned(threads), *p = new_ints(threads);

    from[0] = 1;
    (void)cudaMemcpyAsync(p, from, threads * sizeof(int), cudaMemcpyHostToDevice, s);
    if (right)
        (void)cudaStreamSynchronize(s);
    from[0] = 2;
    return numbers(p, threads, s)[0] == 1;
}

template <bool right> static bool pageable()
{
    cudaStream_t s = new_stream();
    int *from = new_pinned(threads), *p = new_ints(threads);
    std::vector<int> host(threads);

    (void)cudaMemcpyAsync(p, right ? from : host.data(), threads * sizeof(int),
                          cudaMemcpyHostToDevice, s);
    return true;
}

struct host_work {
    int *p, seen;
    bool right;
};

static void calls_cuda(void *argument)
{
    host_work *w = (host_work *)argument;

    if (!w->right)
        (void)cudaSetDevice(0);
    w->seen = *w->p;
}

static void touches_device(void *argument)
{
    host_work *w = (host_work *)argument;

    w->seen = *(volatile int *)w->p;
}

// A host function that calls CUDA; it sees what a copy before it has brought.
template <bool right> static bool host_function_calls()
{
    cudaStream_t s = new_stream();
    int *host = new_pinned(threads), *p = new_ints(threads);
    host_work w = {host, 0, right};

    KP_LAUNCH(set_all, 1, threads, s, threads, p, 7);
    (void)cudaMemcpyAsync(host, p, threads * sizeof(int), cudaMemcpyDeviceToHost, s);
    (void)cudaLaunchHostFunc(s, calls_cuda, &w);
    KP_LAUNCH(set_all, 1, threads, s, threads, p, 8);
    return numbers(p, threads, s)[0] == 8 && w.seen == 7;
}

template <bool right> static bool host_function_touches()
{
    cudaStream_t s = new_stream();
    host_work w = {right ? new_pinned(threads) : new_ints(threads), 0, right};

    (void)cudaLaunchHostFunc(s, touches_device, &w);
    (void)cudaStreamSynchronize(s);
    return true;
}

template <bool right> static bool allocation_captured()
{
    cudaStream_t s = new_stream();
    cudaGraph_t graph;

    (void)cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal);
    if (!right)
        (void)new_ints(threads);
    (void)cudaStreamEndCapture(s, &graph);
    return true;
}

template <bool right> static bool default_stream()
{
    int *p = new_ints(threads);

    KP_LAUNCH(set_all, 1, threads, right ? new_stream() : (cudaStream_t) nullptr, threads, p, 1);
    return true;
}

template <bool right> static bool other_device()
{
    setenv("KAPPA_EMU_DEVICES", "2", 1);
    (void)cudaSetDevice(1);
    cudaStream_t s = new_stream();
    int *p = new_ints(threads);

    (void)cudaSetDevice(right ? 1 : 0);
    KP_LAUNCH(set_all, 1, threads, s, threads, p, 1);
    return true;
}

// A (4,8) B (8,2), row-major; an A as if its rows had 7 floats.
template <bool right> static bool leading_dimension()
{
    const float one = 1, zero = 0;
    cudaStream_t s = new_stream();
    cublasHandle_t blas;
    int *p = new_ints(4096), *workspace = new_ints(4096);

    (void)cublasCreate_v2(&blas);
    (void)cublasSetStream_v2(blas, s);
    (void)cublasSetWorkspace_v2(blas, workspace, 4096 * sizeof(int));
    (void)cublasSgemmStridedBatched(blas, CUBLAS_OP_N, CUBLAS_OP_N, 2, 4, 8, &one, (const float *)p,
                                    2, 0, (const float *)p + 16, right ? 8 : 7, 0, &zero,
                                    (float *)p + 64, 2, 0, 1);
    return true;
}

#define BUG(NAME, MESSAGE)                          \
    {                                               \
#NAME, NAME < false>, NAME < true>, MESSAGE \
    }

static const bug bugs[] = {
    BUG(barrier_missing, nullptr),
    BUG(barriers_differ, "wait at different barriers"),
    BUG(lane_gone, "which has ended"),
    BUG(end_overrun, "bytes behind an allocation"),
    BUG(far_outside, "outside of every live allocation"),
    BUG(used_after_free, "lies in no live allocation"),
    BUG(host_pointer, "is no device memory"),
    BUG(host_reads, "the host touches device memory"),
    BUG(large_block, "a block of 1025"),
    BUG(wait_missing, nullptr),
    BUG(staging_reused, nullptr),
    BUG(pageable, "is no pinned host memory"),
    BUG(host_function_calls, "a call of CUDA in a host function"),
    BUG(host_function_touches, "the host touches device memory"),
    BUG(allocation_captured, "not allowed while a stream is capturing"),
    BUG(default_stream, "the default stream counts as none"),
    BUG(other_device, "while device 0 is the current one"),
    BUG(leading_dimension, "but a leading dimension of 7"),
};

// In a process of its own: what it said. *right: it came to its end with the right numbers.
static std::string run(bool (*fn)(), const char *seed, bool *right)
{
    int pipe_ends[2], status;
    std::string said;
    char part[512];
    ssize_t got;

    if (pipe(pipe_ends) != 0)
        return "no pipe";
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        setenv("KAPPA_EMU_SEED", seed, 1);
        _exit(fn() ? 0 : 1);
    }
    close(pipe_ends[1]);
    while ((got = read(pipe_ends[0], part, sizeof(part))) > 0)
        said.append(part, (size_t)got);
    close(pipe_ends[0]);
    waitpid(child, &status, 0);
    *right = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return said;
}

#if defined(__SANITIZE_THREAD__)
static const bool sees_races = true;
static const char *const seeds[] = {"0", "1", "2"};
#else
static const bool sees_races = false;
static const char *const seeds[] = {"0", "1", "2", "3", "4", "5"};
#endif

// Failures.
static int check(const bug &b)
{
    size_t messages = 0, wrong = 0;
    int failures = 0;

    for (const char *seed : seeds) {
        bool right = false;
        std::string said = run(b.wrong, seed, &right);
        wrong += !right;
        messages += said.find(b.message ? b.message : "data race") != std::string::npos;
        said = run(b.right, seed, &right);
        if (!right) {
            std::printf("%s: the right form fails with seed %s: %s\n", b.name, seed, said.c_str());
            failures++;
        }
    }
    bool found = messages > 0;
    if (!b.message)
        found = sees_races ? found && wrong == std::size(seeds) : wrong > 0;
    std::printf("%s - %s\n", found ? "ok" : "not ok", b.name);
    return failures + !found;
}

int main()
{
    int failures = 0;

    for (const bug &b : bugs)
        failures += check(b);
    for (const bug *list : {dnn_bugs, dnn_graph_bugs})
        for (const bug *b = list; b->name; b++)
            failures += check(*b);
    return failures > 0;
}
