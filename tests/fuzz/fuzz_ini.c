/* fuzz_ini.c - any bytes as an experiment: opened, resolved, hashed, printed and read again. */
#include "config/experiment.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../plugins/fixture.h"

enum { CELLS = 2 };

/* The bytes as a file without a name on disk; -1 if the system refuses. */
static int memory_file(const void *bytes, size_t size)
{
    int fd = memfd_create("ini", MFD_CLOEXEC);

    if (fd >= 0 && size > 0 && write(fd, bytes, size) != (ssize_t)size) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static struct kp_experiment *open_file(int fd, struct kp_text *report)
{
    struct kp_experiment *x = NULL;
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (kp_experiment_open(path, NULL, 0, &fixture_registry, &x, report) != KP_OK)
        KP_ASSERT(report->length > 0 && !x);
    return x;
}

static void check_same(const struct kp_config *c, const struct kp_config *d)
{
    const char *const identity[KP_REFERENCES] = {"", ""};
    struct kp_hashes a, b;

    kp_config_hash(c, identity, &a);
    kp_config_hash(d, identity, &b);
    KP_ASSERT(memcmp(&a, &b, sizeof(a)) == 0);
    KP_ASSERT(c->count == d->count);
    for (int64_t i = 0; i < c->count; i++)
        KP_ASSERT(strcmp(c->settings[i].text, d->settings[i].text) == 0);
}

/* A printed configuration is the same configuration. */
static void check_print(const struct kp_config *c)
{
    struct kp_text text = {0}, report = {0};
    struct kp_experiment *x = NULL;
    struct kp_config *d = NULL;
    int fd;

    kp_config_print(c, true, &text);
    fd = memory_file(text.s, text.length);
    if (fd >= 0) {
        x = open_file(fd, &report);
        KP_ASSERT(x && kp_experiment_cells(x) == 1);
        enum kp_status st = kp_experiment_resolve(x, 0, &fixture_registry, &d, &report);
        KP_ASSERT(st == KP_OK);
        check_same(c, d);
        (void)close(fd);
    }
    kp_config_destroy(d);
    kp_experiment_destroy(x);
    kp_text_finish(&report);
    kp_text_finish(&text);
}

static void check_cell(const struct kp_experiment *x, int64_t cell, struct kp_text *report)
{
    struct kp_config *c = NULL;

    if (kp_experiment_resolve(x, cell, &fixture_registry, &c, report) != KP_OK) {
        KP_ASSERT(report->length > 0 && !c);
        return;
    }
    KP_ASSERT(kp_config_model_self(c) && kp_config_objective_self(c));
    check_print(c);
    kp_config_destroy(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct kp_text report = {0};
    static const char plugins[] = "[plugins]";
    struct kp_experiment *x;
    int fd = -1;

    /* What [plugins] names would run. */
    if (!memmem(bytes, size, plugins, strlen(plugins)))
        fd = memory_file(bytes, size);
    if (fd < 0)
        return 0;
    x = open_file(fd, &report);
    for (int64_t i = 0; x && i < kp_experiment_cells(x) && i < CELLS; i++)
        check_cell(x, i, &report);
    kp_experiment_destroy(x);
    kp_text_finish(&report);
    (void)close(fd);
    return 0;
}
