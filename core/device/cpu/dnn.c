/* dnn.c - oneDNN as a whole: its engine, its instruction set, one thread a call. */
#include "device/cpu/dnn_internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine;
static void (*set_threads)(int threads);

/* Debian's oneDNN shares its work out with OpenMP, whose library it brings along; others do not. */
static void open_library(void)
{
    void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");

    memcpy(&set_threads, &symbol, sizeof(set_threads));
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
}

dnnl_engine_t kp_dnn_engine(void)
{
    (void)pthread_once(&once, open_library);
    return engine;
}

void kp_dnn_thread(void)
{
    if (set_threads)
        set_threads(1);
}

bool kp_dnn_is_there(void)
{
    return kp_dnn_engine() != NULL;
}

void kp_dnn_describe(char *out, size_t size)
{
    const dnnl_version_t *v = dnnl_version();
    (void)snprintf(out, size, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
}

void kp_dnn_cap(enum kp_cpu_level level)
{
#if defined(__x86_64__)
    static const dnnl_cpu_isa_t isa[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2,
                                         dnnl_cpu_isa_avx512_core};
    (void)dnnl_set_max_cpu_isa(isa[level]);
#else
    (void)level;
#endif
}
