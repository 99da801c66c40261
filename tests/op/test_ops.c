/* test_ops.c - the program: every operation case on a device, or its benchmark. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_SKIPPED 77

static const char usage[] =
    "usage: test_ops [--device cpu|cuda|ref] [--level portable|avx2|avx512] [--only TEXT]\n"
    "                [--slice N] [--threads N] [--every N] [--list | --bench]\n"
    "  cpu   compares the cpu device with the reference; cuda likewise\n"
    "  ref   checks the reference's gradients against differences\n"
    "  Without --device all are done. --every N takes each N-th case.\n";

struct options {
    const char *device, *level, *only;
    int64_t slice, every;
    int threads; /* of the benchmark */
    bool list, bench;
};

void op_report_add(struct op_report *r, const char *name, const struct kp_error *e)
{
    bool ok = e->status == KP_OK;
    r->passed += ok;
    r->failed += !ok;
    (void)printf("%s %lld - %s%s%s\n", ok ? "ok" : "not ok", (long long)(r->passed + r->failed),
                 name, ok ? "" : ": ", ok ? "" : e->text);
}

static bool read_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(word, "--list") == 0) {
            o->list = true;
            continue;
        }
        if (strcmp(word, "--bench") == 0) {
            o->bench = true;
            continue;
        }
        if (!next)
            return false;
        if (strcmp(word, "--device") == 0)
            o->device = next;
        else if (strcmp(word, "--level") == 0)
            o->level = next;
        else if (strcmp(word, "--only") == 0)
            o->only = next;
        else if (strcmp(word, "--slice") == 0)
            o->slice = strtol(next, NULL, 10);
        else if (strcmp(word, "--every") == 0)
            o->every = strtol(next, NULL, 10);
        else if (strcmp(word, "--threads") == 0)
            o->threads = (int)strtol(next, NULL, 10);
        else
            return false;
        i++;
    }
    return o->slice > 0 && o->threads > 0 && o->every > 0;
}

/* The operation's cases, or those whose name holds --only. */
static bool wanted(const struct options *o, const struct op_case *c)
{
    char name[256];
    unsigned parts = op_case_parts(c);
    for (unsigned part = PART_FORWARD; part <= PART_GRAD_W; part *= 2) {
        if (!(parts & part))
            continue;
        op_case_name(c, part, name, sizeof(name));
        if (!o->only || strstr(name, o->only))
            return true;
    }
    return false;
}

static void list(const struct options *o)
{
    for (int64_t i = 0; i < op_case_count; i++) {
        char name[256];
        if (!wanted(o, &op_cases[i]))
            continue;
        op_case_name(&op_cases[i], PART_FORWARD, name, sizeof(name));
        (void)printf("%s%s\n", name, op_cases[i].bench > 0 ? " bench" : "");
    }
}

static enum kp_status open_device(const struct options *o, const char *kind, int threads,
                                  struct kp_device **out, struct kp_error *e)
{
    struct kp_device_config config = {.threads = threads, .slice = o->slice};
    return kp_device_open(kind, &config, out, e);
}

/* A level that the processor lacks is capped silently; the description tells. */
static bool has_level(const struct options *o, const struct kp_device *d)
{
    char text[256];
    d->ops->describe(d, text, sizeof(text));
    (void)printf("# %s\n", text);
    return !o->level || strcmp(d->ops->name, "cpu") != 0 || strstr(text, o->level);
}

static void run_cases(const struct options *o, const char *kind, const struct op_devices *d,
                      struct op_report *r)
{
    bool compare = strcmp(kind, "ref") != 0;
    for (int64_t i = 0; i < op_case_count; i += o->every) {
        const struct op_case *c = &op_cases[i];
        if (!wanted(o, c))
            continue;
        if (o->bench)
            op_bench(d->two, c);
        else if (compare)
            op_compare(d, c, r);
        else
            op_check_gradients(d->ref, c, r);
    }
    if (compare && !o->bench && (!o->only || strstr("load_batch", o->only)))
        op_compare_load(d, r);
}

/* 0, or the exit status. */
static int run_device(const struct options *o, const char *kind, struct op_report *r)
{
    struct op_devices d = {0};
    struct kp_error e = {0};
    int code = 0;
    if (open_device(o, kind, 1, &d.one, &e) != KP_OK ||
        open_device(o, kind, o->bench ? o->threads : 2, &d.two, &e) != KP_OK ||
        open_device(o, "ref", 1, &d.ref, &e) != KP_OK) {
        (void)fprintf(stderr, "%s\n", e.text);
        code = 1;
    } else if (!has_level(o, d.two)) {
        (void)printf("skipped: this processor has no %s\n", o->level);
        code = EXIT_SKIPPED;
    } else {
        run_cases(o, kind, &d, r);
    }
    kp_device_close(d.one);
    kp_device_close(d.two);
    kp_device_close(d.ref);
    return code;
}

int main(int argc, char **argv)
{
    /* The smallest slice gives the most slices to go wrong between. */
    struct options o = {.slice = 16, .every = 1, .threads = 2};
    struct op_report r = {0};
    int code = 0;

    if (!read_options(argc, argv, &o)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    if (o.list) {
        list(&o);
        return 0;
    }
    if (o.level && setenv("KAPPA_CPU_LEVEL", o.level, 1) != 0)
        return 1;
    for (size_t i = 0; code == 0 && kp_device_kinds[i]; i++)
        if (!o.device || strcmp(o.device, kp_device_kinds[i]) == 0)
            code = run_device(&o, kp_device_kinds[i], &r);
    if (code != 0 || o.bench)
        return code;
    (void)printf("# %lld passed, %lld failed\n", (long long)r.passed, (long long)r.failed);
    return r.failed > 0 || r.passed == 0;
}
