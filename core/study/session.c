/* session.c - opens devices, datasets and teachers once. */
#include "study/session.h"

#include "base/pool.h"
#include "study/recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {
    [KP_SETTING_DEVICE_CPU] = "cpu",
    [KP_SETTING_DEVICE_CUDA] = "cuda",
    [KP_SETTING_DEVICE_REF] = "ref",
};

static void forget_teacher(struct kp_session *s)
{
    kp_teacher_close(s->teacher);
    free(s->teacher_key);
    s->teacher = NULL;
    s->teacher_key = NULL;
}

/* `auto` takes the GPU if there is one, and says why not otherwise. */
static enum kp_status open_device(int kind, const struct kp_device_config *config,
                                  struct kp_device **out, struct kp_error *why, struct kp_error *e)
{
    if (kind != KP_SETTING_DEVICE_AUTO)
        return kp_device_open(kinds[kind], config, out, e);
    if (kp_device_open(kinds[KP_SETTING_DEVICE_CUDA], config, out, why) == KP_OK)
        return KP_OK;
    if (config->tf32)
        return kp_fail(e, why->status, "device.tf32 = true is for GPUs: %s", why->text);
    return kp_device_open(kinds[KP_SETTING_DEVICE_CPU], config, out, e);
}

enum kp_status kp_session_device(struct kp_session *s, const struct kp_config *c,
                                 const struct kp_study_watcher *w, struct kp_error *e)
{
    int kind = c->core.device.kind;
    int64_t threads = c->core.run.threads > 0 ? c->core.run.threads : kp_cpu_count();
    struct kp_device_config config = {
        .threads = (int)threads,
        .slice = c->core.device.slice,
        .index = (int)c->core.device.index,
        .tf32 = c->core.device.tf32,
    };
    char what[256], note[1024];
    struct kp_error why = {0};

    if (s->device && !s->stale && s->device_kind == kind && s->device_slice == config.slice &&
        s->device_index == config.index && s->device_threads == threads &&
        s->device_tf32 == config.tf32)
        return KP_OK;
    forget_teacher(s);
    kp_device_close(s->device);
    s->device = NULL;
    s->stale = false;
    enum kp_status st = open_device(kind, &config, &s->device, &why, e);
    if (st != KP_OK)
        return st;
    s->device_kind = kind;
    s->device_slice = config.slice;
    s->device_index = config.index;
    s->device_threads = threads;
    s->device_tf32 = config.tf32;
    s->device->ops->describe(s->device, what, sizeof(what));
    if (kind != KP_SETTING_DEVICE_AUTO)
        (void)snprintf(note, sizeof(note), "device: %s", what);
    else
        (void)snprintf(note, sizeof(note), "device: %s (auto: %.600s)", what,
                       why.text[0] ? why.text : "there is a GPU");
    if (w->note)
        w->note(w->arg, note);
    return KP_OK;
}

/* Images are being decoded into their cache. */
static bool tell_decoded(void *arg, int64_t done, int64_t total)
{
    const struct kp_study_watcher *w = arg;
    struct kp_progress p = {
        .phase = KP_PHASE_DATA,
        .step = done,
        .steps = total,
        .seconds_left = -1,
        .loss = (double)NAN,
    };

    if (w->progress)
        w->progress(w->arg, &p);
    return !w->stop || !w->stop(w->arg);
}

static void tell_decoding(const struct kp_dataset *d, const struct kp_study_watcher *w)
{
    char note[sizeof(d->decoding) + 16];

    if (!d->decoding[0] || !w || !w->note)
        return;
    (void)snprintf(note, sizeof(note), "images: %s", d->decoding);
    w->note(w->arg, note);
}

static struct kp_dataset_config dataset_config(const struct kp_config *c,
                                               const struct kp_study_watcher *w)
{
    const struct kp_settings *set = &c->core;

    return (struct kp_dataset_config){
        .format = set->data.format,
        .def = c->dataset,
        .name = kp_config_dataset(c),
        .root = c->dataset && strstr(set->data.root, "${env:") ? "" : set->data.root,
        .pad_to = set->data.pad_to,
        .downsample = set->data.downsample,
        .test_limit = set->data.test_limit,
        .coarse = set->data.labels == KP_SETTING_LABELS_COARSE,
        .list = set->data.list,
        .decode = (enum kp_decode)set->data.decode,
        .cache = set->data.cache,
        .resize = set->data.resize,
        .crop = set->data.crop,
        .decoders = set->data.decoders,
        .skip_bad = set->data.skip_bad,
        .count_only = !w,
        .progress = w ? tell_decoded : NULL,
        .arg = (void *)(uintptr_t)w,
    };
}

enum kp_status kp_session_data(struct kp_session *s, struct kp_config *c,
                               const struct kp_study_watcher *w, struct kp_dataset **out,
                               struct kp_error *e)
{
    struct kp_dataset_config config = dataset_config(c, w);
    struct kp_dataset *opened = NULL;
    struct kp_text key = {0};

    /* What decides on the examples: however an open one is decoded, it serves. */
    kp_text_addf(&key, "%s|%s|%s|%s|%lld %lld %lld %lld %lld %d %d %d", config.format, config.name,
                 config.root, config.list, (long long)config.pad_to, (long long)config.downsample,
                 (long long)config.test_limit, (long long)config.resize, (long long)config.crop,
                 config.coarse, config.skip_bad, config.count_only);
    if (c->dataset)
        kp_config_dataset_text(c, &key);
    if (key.failed)
        return kp_fail(e, KP_E_NOMEM, "no memory for a dataset's name");
    for (int i = 0; i < KP_SESSION_DATASETS; i++)
        if (s->data_key[i] && strcmp(s->data_key[i], key.s) == 0) {
            *out = s->data[i];
            kp_text_finish(&key);
            return KP_OK;
        }
    enum kp_status st = kp_config_check_places(c, e);
    if (st == KP_OK && c->dataset && !(config.self = kp_config_dataset_self(c)))
        st = kp_fail(e, KP_E_NOMEM, "no memory for dataset '%s'", c->dataset->name);
    if (st == KP_OK)
        st = kp_dataset_open(&config, &opened, e);
    if (st != KP_OK) {
        kp_text_finish(&key);
        return st;
    }
    tell_decoding(opened, w);
    int slot = s->data_next;
    s->data_next = (slot + 1) % KP_SESSION_DATASETS;
    if (s->data[slot])
        forget_teacher(s);
    kp_dataset_close(s->data[slot]);
    free(s->data_key[slot]);
    s->data[slot] = *out = opened;
    s->data_key[slot] = key.s;
    return KP_OK;
}

enum kp_status kp_session_teacher(struct kp_session *s, struct kp_config *config,
                                  enum kp_precision precision, const char *weights, const char *uid,
                                  const struct kp_dataset *data, struct kp_teacher **out,
                                  struct kp_error *e)
{
    struct kp_text key = {0};

    /* Its table of the test split belongs to this very dataset. */
    kp_text_addf(&key, "%s|%s|%d|%p", weights, uid, (int)precision, (const void *)data);
    if (key.failed)
        return kp_fail(e, KP_E_NOMEM, "no memory for the teacher's name");
    if (s->teacher_key && strcmp(s->teacher_key, key.s) == 0) {
        kp_text_finish(&key);
        *out = s->teacher;
        return KP_OK;
    }
    forget_teacher(s);
    struct kp_model_use model;
    enum kp_status st = kp_recipe_model(config, &model, e);
    if (st == KP_OK)
        st = kp_teacher_open(&model, config->core.train.eval_batch, precision, weights, uid, data,
                             s->device, &s->teacher, e);
    if (st != KP_OK) {
        kp_text_finish(&key);
        return st;
    }
    s->teacher_key = key.s;
    *out = s->teacher;
    return KP_OK;
}

void kp_session_finish(struct kp_session *s)
{
    forget_teacher(s);
    for (int i = 0; i < KP_SESSION_DATASETS; i++) {
        kp_dataset_close(s->data[i]);
        free(s->data_key[i]);
    }
    kp_device_close(s->device);
}
