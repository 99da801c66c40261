/* config.c - a resolved configuration: find settings, fill plugins' state structs, print. */
#include "config/config.h"

#include "config/ini_file.h"
#include "host/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kp_reference_names[KP_REFERENCES] = {
    [KP_REFERENCE_TEACHER] = "teacher",
    [KP_REFERENCE_INIT] = "init",
};

const struct kp_setting *kp_config_find(const struct kp_config *c, const char *key)
{
    int64_t lo = 0, hi = c->count;

    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        int order = strcmp(c->settings[mid].key, key);
        if (order == 0)
            return &c->settings[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

enum kp_status kp_config_check_places(const struct kp_config *c, struct kp_error *e)
{
    for (int64_t i = 0; i < c->count; i++) {
        const struct kp_setting *s = &c->settings[i];
        const char *name = kp_setting_is_place(s->key) ? strstr(s->text, "${env:") : NULL;
        /* A dataset plugin may need no folder, and says so where it does. */
        const bool open = c->dataset && strcmp(s->key, "data.root") == 0;

        if (name && !open)
            return kp_fail(e, KP_E_CONFIG,
                           "%s%s%s: the environment variable %.*s is not set; set it, or write the "
                           "value in its place",
                           s->key, strcmp(s->origin, "default") == 0 ? ", by " : ", from ",
                           s->origin, (int)strcspn(name + 6, "}"), name + 6);
    }
    return KP_OK;
}

static void *fill_self(struct kp_config *c, const char *kind, const char *name, size_t self_size,
                       const struct kp_option_table *options)
{
    void *self = kp_arena_alloc(&c->memory, 1, self_size > 0 ? self_size : 1);

    for (uint32_t i = 0; self && i < options->count; i++) {
        const struct kp_option *o = kp_option_at(options, i);
        const struct kp_setting *s;
        char key[160];

        (void)snprintf(key, sizeof(key), "%s.%s.%s", kind, name, o->name);
        s = kp_config_find(c, key);
        KP_ASSERT(s);
        if (!kp_option_store(o, s->text, &c->memory, self))
            return NULL;
    }
    return self;
}

void *kp_config_model_self(struct kp_config *c)
{
    return fill_self(c, "model", c->model->name, c->model->self_size, &c->model->options);
}

void *kp_config_objective_self(struct kp_config *c)
{
    return fill_self(c, "objective", c->objective->name, c->objective->self_size,
                     &c->objective->options);
}

void *kp_config_dataset_self(struct kp_config *c)
{
    return fill_self(c, "data", c->dataset->name, c->dataset->self_size, &c->dataset->options);
}

void *kp_config_metric_self(struct kp_config *c, const struct kp_metric_def *m)
{
    return fill_self(c, "metric", m->name, m->self_size, &m->options);
}

void *kp_config_analysis_self(struct kp_config *c, const struct kp_analysis_config *a)
{
    return fill_self(c, "analysis", a->section, a->def->self_size, &a->def->options);
}

/* "key=text\n" of the settings of section [prefix.name] but one, or with NULL of all. */
static void section_text(const struct kp_config *c, const char *prefix, const char *name,
                         const char *but, struct kp_text *out)
{
    const size_t before = strlen(prefix), length = before + strlen(name);

    for (int64_t i = 0; i < c->count; i++) {
        const char *key = c->settings[i].key;
        const char *dot = strrchr(key, '.');

        if ((size_t)(dot - key) == length && strncmp(key, prefix, before) == 0 &&
            strncmp(key + before, name, length - before) == 0 &&
            !(but && strcmp(dot + 1, but) == 0))
            kp_text_addf(out, "%s=%s\n", dot + 1, c->settings[i].text);
    }
}

void kp_config_analysis_text(const struct kp_config *c, const struct kp_analysis_config *a,
                             struct kp_text *out)
{
    kp_text_addf(out, "analysis=%s\n", a->section);
    section_text(c, "analysis.", a->section, "at", out);
}

void kp_config_dataset_text(const struct kp_config *c, struct kp_text *out)
{
    kp_text_addf(out, "dataset=%s %s\n", c->dataset->name, c->dataset->version);
    section_text(c, "data.", c->dataset->name, NULL, out);
}

void kp_config_print(const struct kp_config *c, bool origins, struct kp_text *out)
{
    const char *section = "";
    size_t length = 0;

    for (int64_t i = 0; i < c->count; i++) {
        const struct kp_setting *s = &c->settings[i];
        const char *dot = strrchr(s->key, '.');

        if ((size_t)(dot - s->key) != length || strncmp(section, s->key, length) != 0) {
            section = s->key;
            length = (size_t)(dot - s->key);
            kp_text_add(out, i > 0 ? "\n[" : "[");
            kp_text_add_bytes(out, section, length);
            kp_text_add(out, "]\n");
        }
        kp_ini_print(out, dot + 1, s->text, origins ? s->origin : NULL);
    }
}

void kp_config_destroy(struct kp_config *c)
{
    struct kp_arena memory;

    if (!c)
        return;
    memory = c->memory;
    kp_arena_finish(&memory);
    free(c);
}
