/* test_cpu_device.c - opening the cpu device, its levels, and that running allocates nothing. */
#include "cpu_graph.h"

#include <dirent.h>
#include <stdatomic.h>

/* A sanitizer brings an allocator of its own, which cannot be counted this way. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS 0
#elif defined(__has_feature)
#define COUNTS !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define COUNTS 1
#endif

static atomic_int counting, allocations;
static atomic_size_t largest;

#if COUNTS
/* Visible, so that the libraries call them too. */
#define COUNTED __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
COUNTED void *malloc(size_t size);
COUNTED void *calloc(size_t count, size_t size);
COUNTED void *realloc(void *p, size_t size);
COUNTED void *aligned_alloc(size_t alignment, size_t size);
COUNTED int posix_memalign(void **p, size_t alignment, size_t size);

static void note(size_t size)
{
    if (!atomic_load(&counting))
        return;
    atomic_fetch_add(&allocations, 1);
    size_t most = atomic_load(&largest);
    while (size > most && !atomic_compare_exchange_weak(&largest, &most, size))
        ;
}

void *malloc(size_t size)
{
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    note(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    note(size);
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
    note(size);
    *p = __libc_memalign(alignment, size);
    return *p ? 0 : 12;
}
#endif

/* Two convolutions, a batch norm, a linear layer. The second convolution has an own kernel only
 * with stride 1. */
static void build(struct kp_graph *g, int stride, struct kp_value **x, struct kp_value **y)
{
    const int n = (int)g->capacity;
    struct kp_value *v[6], *m[2];

    *x = cg_input(g, cg_shape(4, n, 3, 16, 16));
    v[0] = cg_value(g, cg_shape(4, n, 8, 16, 16));
    v[1] = cg_value(g, v[0]->shape);
    v[2] = cg_value(g, cg_shape(4, n, 8, 16 / stride, 16 / stride));
    v[3] = cg_value(g, cg_shape(2, n, 2048 / stride / stride));
    *y = cg_output(cg_value(g, cg_shape(2, n, 300)));
    for (int i = 0; i < 2; i++)
        m[i] = cg_whole(g, cg_shape(1, 8));
    struct kp_value *w = cg_param(g, cg_shape(4, 8, 8, 3, 3)), *w2 = cg_param(g, w->shape);
    struct kp_value *head = cg_param(g, cg_shape(2, 300, 2048 / stride / stride));
    cg_node(g, KP_OP_CONV2D, *x, cg_param(g, cg_shape(4, 8, 3, 3, 3)), NULL, cg_end, v[0], cg_end)
        ->attrs.window = kp_window(3, 1, 1);
    cg_node(g, KP_OP_BATCH_NORM, v[0], cg_param(g, cg_shape(1, 8)), cg_param(g, cg_shape(1, 8)),
            cg_buffer(g, cg_shape(1, 8)), cg_buffer(g, cg_shape(1, 8)), NULL, cg_end, v[1], m[0],
            m[1], cg_end)
        ->attrs.eps = 1e-5;
    cg_node(g, KP_OP_CONV2D, v[1], w2, NULL, cg_end, v[2], cg_end)->attrs.window =
        kp_window(3, stride, 1);
    cg_node(g, KP_OP_CONV2D_GRAD_W, v[1], v[2], cg_end, cg_grad(g, w2), NULL, cg_end)
        ->attrs.window = kp_window(3, stride, 1);
    cg_node(g, KP_OP_RESHAPE, v[2], cg_end, v[3], cg_end);
    v[3]->alias = v[2];
    cg_node(g, KP_OP_LINEAR, v[3], head, NULL, cg_end, *y, cg_end);
    cg_node(g, KP_OP_LINEAR_GRAD_W, v[3], *y, cg_end, cg_grad(g, head), NULL, cg_end);
    cg_node(g, KP_OP_SGD, cg_end, cg_end);
}

static int thread_count(void)
{
    DIR *d = opendir("/proc/self/task");
    int count = 0;

    assert_non_null(d);
    for (const struct dirent *i = readdir(d); i; i = readdir(d))
        count += i->d_name[0] != '.';
    (void)closedir(d);
    return count;
}

/* Counts what write, read, load_batch and three runs ask for after the first run. */
static void count_allocations(int stride, char *description, size_t size)
{
    struct kp_error error = {0};
    struct kp_device_config config = {.threads = 2, .slice = 32};
    struct kp_device *d = NULL;
    struct kp_graph g = {.mode = KP_TRAIN, .capacity = 100};
    struct kp_code *code = NULL;
    struct kp_value *x, *y;
    struct kp_memory m = {0};
    const float mean[3] = {0.5f, 0.4f, 0.3f}, sd[3] = {0.2f, 0.2f, 0.2f};
    struct kp_load load = {.rows = 100, .channels = 3, .height = 16, .width = 16};

    const int threads = thread_count();

    atomic_store(&allocations, 0);
    atomic_store(&largest, 0);
    uint8_t *bytes = calloc(100, 768);
    float *results = calloc(100 * 300, sizeof(*results));
    load.bytes = bytes;
    load.mean = mean;
    load.sd = sd;
    cg_ok(kp_device_open("cpu", &config, &d, &error));
    d->ops->describe(d, description, size);
    build(&g, stride, &x, &y);
    cg_ok(d->ops->fuse(d, &g, &error));
    cg_ok(d->ops->plan(d, &g, &error));
    cg_place(&g);
    cg_ok(d->ops->lower(d, &g, &code, &error));
    m.params = d->ops->alloc(d, g.param_bytes);
    m.grads = d->ops->alloc(d, g.param_bytes);
    m.buffers = d->ops->alloc(d, g.buffer_bytes);
    m.arena = d->ops->alloc(d, g.arena_bytes);
    float *host = calloc(100, 768 * sizeof(float));
    for (int i = 0; i < 4; i++) {
        atomic_store(&counting, i > 0);
        d->ops->load_batch(code, &m, x, &load);
        d->ops->write(code, &m, x, host, 100);
        cg_ok(d->ops->run(code, &m, 100 - i, &error));
        d->ops->read(code, &m, y, results, 100 - i);
        atomic_store(&counting, 0);
    }
    /* none but the pool's: those of the libraries work alone */
    assert_int_equal(thread_count(), threads + config.threads - 1);
    d->ops->release(d, m.params, g.param_bytes);
    d->ops->release(d, m.grads, g.param_bytes);
    d->ops->release(d, m.buffers, g.buffer_bytes);
    d->ops->release(d, m.arena, g.arena_bytes);
    d->ops->code_destroy(code);
    kp_arena_finish(&g.memory);
    kp_device_close(d);
    free(host);
    free(bytes);
    free(results);
}

/* The counter sees what other libraries ask for, or its zero would mean nothing. */
static void test_counter(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    atomic_store(&allocations, 0);
    atomic_store(&counting, 1);
    free(strdup("seen"));
    atomic_store(&counting, 0);
    assert_int_equal(atomic_load(&allocations), 1);
}

static void test_no_allocation(void **state)
{
    char text[256];

    (void)state;
    if (!COUNTS)
        skip();
    count_allocations(1, text, sizeof(text));
    assert_int_equal(atomic_load(&allocations), 0);
}

/* A call of oneDNN makes a list of its operands: a few small blocks, which it gives back. Nothing
 * of the size of a tensor. */
static void test_library_allocation(void **state)
{
    enum { GROUPS = 7, RUNS = 3, CALLS = GROUPS * (3 + 3) + 2 };
    char text[256];

    (void)state;
    if (!COUNTS)
        skip();
    count_allocations(2, text, sizeof(text));
    if (!strstr(text, "oneDNN"))
        assert_int_equal(atomic_load(&allocations), 0);
    assert_in_range(atomic_load(&allocations), 0, 6 * RUNS * CALLS);
    assert_in_range(atomic_load(&largest), 0, 512);
}

static void test_levels(void **state)
{
    static const char *const words[] = {"portable", "avx2", "avx512"};
    struct kp_error error = {0};
    struct kp_device_config config = {.threads = 2, .slice = 32};
    struct kp_device *d = NULL;
    char text[256];

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(setenv("KAPPA_CPU_LEVEL", words[i], 1), 0);
        cg_ok(kp_device_open("cpu", &config, &d, &error));
        d->ops->describe(d, text, sizeof(text));
        if (i == 0)
            assert_non_null(strstr(text, "cpu portable, "));
        assert_non_null(strstr(text, ", slice 32"));
        assert_non_null(strstr(text, ", 2 threads"));
        kp_device_close(d);
    }
    assert_int_equal(setenv("KAPPA_CPU_LEVEL", "sse9", 1), 0);
    d = NULL;
    assert_int_equal(kp_device_open("cpu", &config, &d, &error), KP_E_INVALID);
    assert_non_null(strstr(error.text, "sse9"));
    assert_non_null(strstr(error.text, "portable, avx2 or avx512"));
    assert_null(d);
    assert_int_equal(unsetenv("KAPPA_CPU_LEVEL"), 0);
}

static void test_refusals(void **state)
{
    static const int64_t slices[] = {0, 8, 17, -16, 8192};
    struct kp_error error = {0};
    struct kp_device *d = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
        struct kp_device_config config = {.threads = 1, .slice = slices[i]};
        assert_int_equal(kp_device_open("cpu", &config, &d, &error), KP_E_INVALID);
        assert_non_null(strstr(error.text, "multiple of 16"));
    }
    struct kp_device_config config = {.threads = 1, .slice = 16};
    assert_int_equal(kp_device_open("abacus", &config, &d, &error), KP_E_INVALID);
    assert_non_null(strstr(error.text, "cpu, cuda and ref"));
    assert_null(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_library_allocation),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
