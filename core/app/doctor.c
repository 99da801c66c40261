/* doctor.c - `kappa doctor`: is everything there that runs need? */
#include "app/command.h"
#include "app/gauge.h"
#include "app/output.h"
#include "app/setup.h"
#include "base/file.h"
#include "base/pool.h"
#include "data/data.h"
#include "device/device.h"
#include "study/version.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB           (1024.0 * 1024.0)
#define DISK_WARNING  (1024.0 * MIB)
#define DISK_PROBLEM  (50.0 * MIB)
#define FASHION_MNIST "/usr/share/datasets/fashion-mnist"

enum grade { OK = 0, WARNING = 1, PROBLEM = 2 };

static void line(int *worst, enum grade g, const char *fmt, ...) KP_PRINTF(3, 4);

static void line(int *worst, enum grade g, const char *fmt, ...)
{
    static const char *const words[] = {"ok", "warning", "problem"};
    static const enum kp_colour colours[] = {KP_GREEN, KP_YELLOW, KP_RED};
    va_list args;

    if ((int)g > *worst)
        *worst = (int)g;
    (void)printf("%s%-8s%s ", kp_colour_on(stdout, colours[g]), words[g], kp_colour_off(stdout));
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)putchar('\n');
}

static void check_versions(int *worst)
{
    struct kp_text text = {0};

    kp_version_text(&text);
    line(worst, OK, "%s", text.s ? text.s : kp_version);
    line(worst, OK, "plugin ABI %d.%d", KP_ABI_MAJOR, KP_ABI_MINOR);
    kp_text_finish(&text);
}

static void check_devices(int *worst)
{
    for (int i = 0; kp_device_kinds[i]; i++) {
        struct kp_device_config config = {.threads = kp_cpu_count(), .slice = 32};
        struct kp_device *device = NULL;
        struct kp_error e = {0};
        char text[512] = "";

        if (kp_device_open(kp_device_kinds[i], &config, &device, &e) == KP_OK) {
            device->ops->describe(device, text, sizeof(text));
            line(worst, OK, "device %s: %s", kp_device_kinds[i], text);
        } else {
            /* Where there is no GPU nothing is amiss. */
            line(worst, strcmp(kp_device_kinds[i], "cuda") == 0 ? OK : PROBLEM, "%s", e.text);
        }
        kp_device_close(device);
    }
    line(worst, OK, "%d cores for this process; [run] threads = 0 takes them all", kp_cpu_count());
}

static void count_plugins(const struct kp_registry *r, int *models, int *objectives, int *metrics)
{
    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_plugin *p = r->loaded[i]->plugin;
        for (int j = 0; p->models && p->models[j]; j++)
            ++*models;
        for (int j = 0; p->objectives && p->objectives[j]; j++)
            ++*objectives;
        for (int j = 0; p->metrics && p->metrics[j]; j++)
            ++*metrics;
    }
}

static void check_plugins(int *worst)
{
    struct kp_registry registry = {0};
    struct kp_text report = {0};
    struct kp_error e = {0};
    int models = 0, objectives = 0, metrics = 0;
    char *rest, *refusal;

    if (kp_registry_scan_default(&registry, &report, &e) != KP_OK)
        line(worst, PROBLEM, "%s", e.text);
    rest = report.s;
    while ((refusal = strsep(&rest, "\n")) != NULL)
        if (*refusal)
            line(worst, PROBLEM, "%s", refusal);
    count_plugins(&registry, &models, &objectives, &metrics);
    line(worst, models && objectives ? OK : PROBLEM, "%d models, %d objectives, %d metrics%s",
         models, objectives, metrics,
         models && objectives ? "" : "; build or install the plugins, or set KAPPA_PLUGINS");
    kp_text_finish(&report);
    kp_registry_finish(&registry);
}

/* Whether `root` holds a dataset of this format, and says so; its absence alone is not said. */
static bool check_dataset(int *worst, const char *format, const char *root)
{
    struct kp_dataset_config config = {.format = format, .root = root, .count_only = true};
    struct kp_dataset *data = NULL;
    struct kp_error e = {0};
    enum kp_status st = kp_dataset_open(&config, &data, &e);

    if (st == KP_OK)
        line(worst, OK, "data in %s: %s, %lld training and %lld test examples", root, format,
             (long long)data->split[KP_SPLIT_TRAIN].count,
             (long long)data->split[KP_SPLIT_TEST].count);
    else if (st != KP_E_IO)
        line(worst, PROBLEM, "data: %s", e.text);
    kp_dataset_close(data);
    return st == KP_OK;
}

static void check_data(int *worst)
{
    const char *root = getenv("KAPPA_DATA");
    int found = 0;

    if (!root || !*root)
        line(worst, WARNING,
             "KAPPA_DATA is not set: experiments that name no [data] root have no data; "
             "export KAPPA_DATA=FOLDER");
    else
        line(worst, access(root, R_OK | X_OK) == 0 ? OK : PROBLEM, "KAPPA_DATA is %s%s%s", root,
             access(root, R_OK | X_OK) == 0 ? "" : ": ",
             access(root, R_OK | X_OK) == 0 ? "" : strerror(errno));
    for (int i = 0; kp_dataset_formats[i]; i++)
        if (root && *root)
            found += check_dataset(worst, kp_dataset_formats[i], root);
    found += check_dataset(worst, "idx", FASHION_MNIST);
    if (found == 0)
        line(worst, WARNING,
             "no dataset in KAPPA_DATA or " FASHION_MNIST
             "; apt-get install dataset-fashion-mnist gives one to begin with");
}

static void check_disk(int *worst, const char *folder)
{
    struct statvfs s;
    double bytes;

    if (statvfs(folder, &s) != 0) {
        line(worst, PROBLEM, "%s: %s", folder, strerror(errno));
        return;
    }
    bytes = (double)s.f_bavail * (double)s.f_frsize;
    line(worst,
         bytes < DISK_PROBLEM   ? PROBLEM
         : bytes < DISK_WARNING ? WARNING
                                : OK,
         "%.0f MiB free in %s%s", bytes / MIB, folder,
         bytes < DISK_WARNING ? "; checkpoints need room, free some or use another --db" : "");
}

static void check_database(int *worst, const char *path)
{
    struct kp_text rows = {0};
    struct kp_error e = {0};
    char *folder = kp_path_beside(path, ".");

    if (!folder) {
        line(worst, PROBLEM, "out of memory");
        return;
    }
    if (access(folder, F_OK) != 0 && errno == ENOENT)
        line(worst, OK, "database %s: its folder is not there yet, 'kappa run' makes it", path);
    else if (access(folder, W_OK | X_OK) != 0)
        line(worst, PROBLEM, "%s: the folder %s cannot be written: %s; use another --db", path,
             folder, strerror(errno));
    else if (!kp_file_exists(path))
        line(worst, OK, "database %s: not there yet, 'kappa run' makes it", path);
    else if (kp_query_run(path, "SELECT count(*) FROM run", KP_QUERY_CSV, &rows, &e) != KP_OK)
        line(worst, PROBLEM, "database: %s", e.text);
    else if (access(path, W_OK) != 0)
        line(worst, PROBLEM, "database %s cannot be written: %s", path, strerror(errno));
    else
        line(worst, OK, "database %s can be read and written", path);
    check_disk(worst, access(folder, F_OK) == 0 ? folder : ".");
    kp_text_finish(&rows);
    free(folder);
}

static bool print_json(const char *kind, const char *what, const struct kp_gauge *g)
{
    cJSON *all = cJSON_CreateObject();
    struct kp_text version = {0};

    kp_version_text(&version);
    (void)cJSON_AddStringToObject(all, "kappa", version.s ? version.s : kp_version);
    (void)cJSON_AddStringToObject(all, "device", kind);
    (void)cJSON_AddStringToObject(all, "what", what);
    (void)cJSON_AddNumberToObject(all, "memory_bytes_per_second", g->memory);
    (void)cJSON_AddNumberToObject(all, "product_flops_per_second", g->products);
    (void)cJSON_AddNumberToObject(all, "to_device_bytes_per_second", g->to_device);
    (void)cJSON_AddNumberToObject(all, "from_device_bytes_per_second", g->from_device);
    char *text = cJSON_Print(all);
    if (text)
        (void)puts(text);
    free(text);
    cJSON_Delete(all);
    kp_text_finish(&version);
    return text != NULL;
}

/* One device, measured. */
static int check_device(const char *kind, bool json)
{
    const struct kp_device_config config = {.threads = kp_cpu_count(), .slice = 32};
    struct kp_device *device = NULL;
    struct kp_gauge gauge = {0};
    struct kp_error e = {0};
    char what[512] = "";
    int worst = OK;
    enum kp_status st = kp_device_open(kind, &config, &device, &e);

    if (st == KP_OK) {
        device->ops->describe(device, what, sizeof(what));
        st = kp_gauge_device(device, &gauge, &e);
    }
    kp_device_close(device);
    if (st != KP_OK)
        return kp_say_error(&e);
    if (json && !print_json(kind, what, &gauge)) {
        kp_say("out of memory");
        return KP_EXIT_FAILED;
    }
    if (json)
        return KP_EXIT_DONE;
    line(&worst, OK, "device %s: %s", kind, what);
    line(&worst, OK, "adding vectors reads and writes %.4g GB a second", gauge.memory * 1e-9);
    line(&worst, OK, "products of matrices do %.4g GFLOP a second", gauge.products * 1e-9);
    line(&worst, OK, "%.4g GB a second to the device, %.4g GB a second from it",
         gauge.to_device * 1e-9, gauge.from_device * 1e-9);
    return KP_EXIT_DONE;
}

static int command_doctor(const struct kp_arguments *a)
{
    int worst = OK;

    if (a->device)
        return check_device(a->device, a->format == KP_QUERY_JSON);
    if (a->format == KP_QUERY_JSON) {
        kp_say("--json is for what is measured; with --device KIND");
        return KP_EXIT_USAGE;
    }
    check_versions(&worst);
    check_devices(&worst);
    check_plugins(&worst);
    check_data(&worst);
    check_database(&worst, a->db);
    return worst == PROBLEM ? KP_EXIT_FAILED : KP_EXIT_DONE;
}

const struct kp_command kp_command_doctor = {
    .name = "doctor",
    .summary = "is everything there: libraries, devices, plugins, data, database, disk",
    .synopsis = "[OPTION]...",
    .details =
        "One line for each: ok, warning or problem, with what to do. Changes nothing. The\n"
        "status is 1 if there is a problem. With --device that device alone is looked at and\n"
        "measured, which takes some seconds: its memory, its products of matrices, its way\n"
        "to the host.\n",
    .example = "  kappa doctor --db kappa.db\n  kappa doctor --device=cuda --json\n",
    .flags = KP_FLAG_DB | KP_FLAG_DEVICE | KP_FLAG_JSON,
    .run = command_doctor,
};
