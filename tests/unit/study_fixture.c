/* study_fixture.c - writes the images and experiments, runs them in process. */
#include "study_fixture.h"

#include "base/file.h"
#include "base/rng.h"
#include "store/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TRAIN = 300, TEST = 100, SIDE = 28, CLASSES = 10 };

const char *study_path(struct study_fixture *f, const char *name)
{
    static char paths[4][256];
    static int next;
    char *out = paths[next++ % 4];

    (void)snprintf(out, sizeof(paths[0]), "%s/%s", f->folder, name);
    return out;
}

static void put32(FILE *file, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        (void)fputc((int)(v >> shift & 0xff), file);
}

static void write_split(struct study_fixture *f, const char *name, uint32_t count, uint64_t seed)
{
    struct kp_rng_key key = {.seed = seed};
    char path[64];

    (void)snprintf(path, sizeof(path), "%s-images-idx3-ubyte", name);
    FILE *images = fopen(study_path(f, path), "wb");
    (void)snprintf(path, sizeof(path), "%s-labels-idx1-ubyte", name);
    FILE *labels = fopen(study_path(f, path), "wb");
    assert_true(images && labels);
    put32(images, 0x803);
    put32(images, count);
    put32(images, SIDE);
    put32(images, SIDE);
    put32(labels, 0x801);
    put32(labels, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t label = kp_rng_below(key, i, 0, CLASSES);
        (void)fputc((int)label, labels);
        for (uint32_t p = 0; p < SIDE * SIDE; p++) {
            bool bar = p / SIDE / 3 == label;
            uint64_t noise = kp_rng_below(key, i, p + 1, 120);
            (void)fputc((int)(noise + (bar ? 100 : 0)), images);
        }
    }
    assert_int_equal(fclose(images), 0);
    assert_int_equal(fclose(labels), 0);
}

static void write_text(struct study_fixture *f, const char *name, const char *text)
{
    FILE *file = fopen(study_path(f, name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void study_fixture_open(struct study_fixture *f)
{
    struct kp_error e = {0};
    struct kp_text report = {0};
    static const char *const kinds[] = {"models", "objectives", "metrics"};
    char common[1024];

    *f = (struct study_fixture){.folder = "/tmp/kappa-study-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    write_split(f, "train", TRAIN, 1);
    write_split(f, "t10k", TEST, 2);
    (void)snprintf(
        common, sizeof(common),
        "[data]\nformat = idx\nroot = %s\nmean = 0.3\nsd = 0.3\nflip = true\nn_teacher = 150\n"
        "student_pool = disjoint\nkappa = 0.7\n[model]\nplugin = cnn\n[model.cnn]\nwidth = 4\n"
        "[train]\nepochs = 2\nbatch = 32\nmomentum = 0.9\nwarmup_epochs = 1\n"
        "[run]\nthreads = 1\n",
        f->folder);
    write_text(f, "common.ini", common);
    write_text(f, "teacher.ini",
               "[include]\npath = common.ini\n[run]\nrole = teacher\n[objective]\nplugin = lt\n");
    write_text(f, "students.ini",
               "[include]\npath = common.ini\n[teacher]\nexperiment = teacher.ini\n"
               "[objective]\nplugin = kd\n");
    for (int i = 0; i < 3; i++) {
        char folder[512];
        (void)snprintf(folder, sizeof(folder), "%s/%s", KP_BUILD_ROOT, kinds[i]);
        assert_int_equal(kp_registry_scan(&f->registry, folder, &report, &e), KP_OK);
    }
    kp_text_finish(&report);
}

void study_fixture_close(struct study_fixture *f)
{
    char command[128];

    kp_registry_finish(&f->registry);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
}

static void on_begin(void *arg, int64_t number, int64_t total, const struct kp_planned *r)
{
    struct study_watch *w = arg;

    (void)number;
    (void)total;
    w->student = r->config->core.run.role == KP_ROLE_STUDENT;
    if (++w->working > w->most_at_once)
        w->most_at_once = w->working;
}

static void on_progress(void *arg, const struct kp_progress *p)
{
    struct study_watch *w = arg;

    w->evaluated += w->student && p->phase == KP_PHASE_EVALUATE;
    if (!w->student || p->phase != KP_PHASE_TRAIN)
        return;
    w->seen = p->step;
    if (w->step)
        w->step(p->step);
}

static void on_end(void *arg, const struct kp_planned *r, enum kp_status st, const char *text)
{
    struct study_watch *w = arg;

    (void)r;
    w->working--;
    if (st != KP_OK) {
        w->failed++;
        (void)snprintf(w->text, sizeof(w->text), "%s", text);
    }
}

static bool on_stop(void *arg)
{
    struct study_watch *w = arg;

    return w->student && ((w->stop_at >= 0 && w->seen >= w->stop_at) ||
                          (w->stop_evaluating > 0 && w->evaluated >= w->stop_evaluating));
}

enum kp_status study_run(struct study_fixture *f, const char *db, const char *const *overrides,
                         struct study_watch *w, struct kp_study_result *result)
{
    struct kp_override list[16];
    int64_t count = 0;
    struct kp_store *store = NULL;
    struct kp_plan *plan = NULL;
    struct kp_text report = {0};
    struct kp_error e = {0};
    const struct kp_study_watcher watcher = {
        .arg = w, .begin = on_begin, .progress = on_progress, .end = on_end, .stop = on_stop};

    for (; overrides && overrides[count]; count++) {
        const char *text = overrides[count];
        const bool sweep = strncmp(text, "sweep:", 6) == 0;
        assert_true((size_t)count < sizeof(list) / sizeof(list[0]));
        list[count] = (struct kp_override){sweep, sweep ? text + 6 : text};
    }
    if (kp_store_open(study_path(f, db), &store, &e) != KP_OK)
        fail_msg("%s", e.text);
    if (kp_plan_make(study_path(f, "students.ini"), list, count, 0, &f->registry, store, &plan,
                     &report) != KP_OK)
        fail_msg("%s", report.s);
    enum kp_status st = kp_plan_execute(plan, &f->registry, store, &watcher, result, &e);
    kp_plan_destroy(plan);
    kp_text_finish(&report);
    if (kp_store_close(store, &e) != KP_OK)
        fail_msg("%s", e.text);
    return st;
}

char *study_query(struct study_fixture *f, const char *db, const char *sql)
{
    struct kp_text out = {0};
    struct kp_error e = {0};

    if (kp_query_run(study_path(f, db), sql, KP_QUERY_CSV, &out, &e) != KP_OK)
        fail_msg("%s", e.text);
    char *line = strchr(out.s, '\n');
    assert_non_null(line);
    char *rest = strdup(line + 1);
    assert_non_null(rest);
    kp_text_finish(&out);
    return rest;
}

void study_weights_path(struct study_fixture *f, const char *db, const char *objective,
                        const char *role, char *out, size_t size)
{
    char sql[512], folder[96];

    (void)snprintf(
        sql, sizeof(sql),
        "SELECT a.path FROM artifact a JOIN run r ON r.id = a.run JOIN param p ON p.run = r.id AND "
        "p.key = 'run.role' AND p.text = '%s' WHERE a.role = 'model' AND r.objective = '%s'",
        role, objective);
    char *path = study_query(f, db, sql);
    path[strcspn(path, "\r\n")] = '\0';
    (void)snprintf(folder, sizeof(folder), "%s.d", db);
    (void)snprintf(out, size, "%s/%s", study_path(f, folder), path);
    free(path);
}

void study_weights(struct study_fixture *f, const char *db, const char *objective, const char *role,
                   char sha256[KP_HASH_SIZE])
{
    char path[512];
    struct kp_error e = {0};

    study_weights_path(f, db, objective, role, path, sizeof(path));
    if (kp_hash_file(path, sha256, &e) != KP_OK)
        fail_msg("%s", e.text);
}
