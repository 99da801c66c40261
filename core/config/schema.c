/* schema.c - every key that a configuration may hold: the core's and those of the open plugins. */
#include "config/schema.h"

#include "config/analysis.h"
#include "host/options.h"

#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 160 };

/* Only the tables matter: the values are kept by key. */
struct choice {
    const char *plugin;
    const char *experiment, *run, *file;
};

static const struct kp_option model_options[] = {
    KP_STRING(struct choice, plugin, "plugin", NULL, "model to train"),
};
static const struct kp_option objective_options[] = {
    KP_STRING(struct choice, plugin, "plugin", NULL, "objective to minimise"),
};
/* Of every section that refers to trained weights. */
static const struct kp_option reference_options[] = {
    KP_STRING(struct choice, experiment, "experiment", "",
              "weights that the one run of this experiment (INI) gives, done first if need be"),
    KP_STRING(struct choice, run, "run", "", "weights of this finished run: its uid"),
    KP_STRING(struct choice, file, "file", "", "weights in this file (safetensors)"),
};

static const struct kp_option_table model_table = KP_OPTIONS(model_options);
static const struct kp_option_table objective_table = KP_OPTIONS(objective_options);
static const struct kp_option_table reference_table = KP_OPTIONS(reference_options);
static const bool reference_hashed[] = {false, false, false};

static const struct kp_table choices[] = {
    {"model", NULL, KP_OWNER_CHOICE, &model_table, NULL},
    {"objective", NULL, KP_OWNER_CHOICE, &objective_table, NULL},
    {"teacher", NULL, KP_OWNER_CHOICE, &reference_table, reference_hashed},
    {"init", NULL, KP_OWNER_CHOICE, &reference_table, reference_hashed},
};
enum { CHOICES = sizeof(choices) / sizeof(choices[0]) };

/* Definition `number` of one plugin; false behind its last, *number then less the plugin's count.
 */
static bool plugin_table(const struct kp_plugin *p, int64_t *number, struct kp_table *out)
{
    for (int64_t i = 0; p->models && p->models[i]; i++, (*number)--) {
        const struct kp_model_def *d = p->models[i];
        if (*number == 0) {
            *out = (struct kp_table){"model", d->name, KP_OWNER_MODEL, &d->options, NULL};
            return true;
        }
    }
    for (int64_t i = 0; p->objectives && p->objectives[i]; i++, (*number)--) {
        const struct kp_objective_def *d = p->objectives[i];
        if (*number == 0) {
            *out = (struct kp_table){"objective", d->name, KP_OWNER_OBJECTIVE, &d->options, NULL};
            return true;
        }
    }
    for (int64_t i = 0; p->metrics && p->metrics[i]; i++, (*number)--) {
        const struct kp_metric_def *d = p->metrics[i];
        if (*number == 0) {
            *out = (struct kp_table){"metric", d->name, KP_OWNER_METRIC, &d->options, NULL};
            return true;
        }
        for (int k = 0; kp_metric_analyser(d) && k < 2; k++)
            if (--*number == 0) {
                *out = (struct kp_table){"analysis", d->name, KP_OWNER_ANALYSIS,
                                         k == 0 ? &kp_analysis_table : &d->options, NULL};
                return true;
            }
    }
    for (int64_t i = 0; kp_plugin_datasets(p) && kp_plugin_datasets(p)[i]; i++, (*number)--) {
        const struct kp_dataset_def *d = kp_plugin_datasets(p)[i];
        if (*number == 0) {
            *out = (struct kp_table){"data", d->name, KP_OWNER_DATASET, &d->options, NULL};
            return true;
        }
    }
    return false;
}

bool kp_schema_table(const struct kp_registry *r, int64_t number, struct kp_table *out)
{
    if (number < kp_section_count) {
        const struct kp_section *s = &kp_sections[number];
        *out = (struct kp_table){s->name, NULL, KP_OWNER_CORE, &s->options, s->hashed};
        return true;
    }
    number -= kp_section_count;
    if (number < CHOICES) {
        *out = choices[number];
        return true;
    }
    number -= CHOICES;
    for (int64_t i = 0; i < r->count; i++)
        if (plugin_table(r->loaded[i]->plugin, &number, out))
            return true;
    return false;
}

/* "data", "objective.kd". */
static void section_name(const struct kp_table *t, char out[KEY_SIZE])
{
    (void)snprintf(out, KEY_SIZE, "%s%s%s", t->section, t->plugin ? "." : "",
                   t->plugin ? t->plugin : "");
}

/* Is the section's name the first `n` characters of `s`? */
static bool is_section(const struct kp_table *t, const char *s, size_t n)
{
    size_t m = strlen(t->section);

    if (n < m || strncmp(s, t->section, m) != 0)
        return false;
    if (!t->plugin)
        return n == m;
    size_t plugin = strlen(t->plugin);
    if (n < m + 1 + plugin || s[m] != '.' || strncmp(s + m + 1, t->plugin, plugin) != 0)
        return false;
    n -= m + 1 + plugin;
    return n == 0 || (t->owner == KP_OWNER_ANALYSIS && kp_analysis_is_label(s + m + 1 + plugin, n));
}

bool kp_schema_find(const struct kp_registry *r, const char *key, struct kp_known *out)
{
    const char *dot = strrchr(key, '.');
    struct kp_table t;

    for (int64_t i = 0; dot && kp_schema_table(r, i, &t); i++) {
        const struct kp_option *o = NULL;

        if (is_section(&t, key, (size_t)(dot - key)))
            o = kp_option_find(t.options, dot + 1);
        if (o) {
            *out = (struct kp_known){t, o};
            return true;
        }
    }
    return false;
}

/* How far apart two keys are, section and name apart; a right name in a wrong section is near. */
static size_t key_distance(const char *section, const char *name, const char *known_section,
                           const char *known_name)
{
    size_t s = kp_text_distance(section, known_section);
    size_t n = kp_text_distance(name, known_name);

    if (n == 0 && strlen(name) >= 3 && s > 2)
        return 3; /* the option of a plugin written without its name, or in another's section */
    return s + n;
}

struct best {
    size_t distance;
    char key[KEY_SIZE];
};

static void consider(struct best *b, const char *section, const char *name,
                     const char *known_section, const char *known_name)
{
    size_t d = key_distance(section, name, known_section, known_name);
    size_t length = strlen(section) + strlen(name);

    if (d < b->distance && d <= 3 && d < length / 2) {
        b->distance = d;
        (void)snprintf(b->key, sizeof(b->key), "%s.%s", known_section, known_name);
    }
}

bool kp_schema_has_section(const struct kp_registry *r, const char *name)
{
    struct kp_table t;

    if (strcmp(name, "include") == 0 || strcmp(name, "sweep") == 0)
        return true;
    for (int64_t i = 0; kp_schema_table(r, i, &t); i++) {
        if (is_section(&t, name, strlen(name)))
            return true;
    }
    return false;
}

static void add_known_sections(const struct kp_registry *r, struct kp_text *out)
{
    struct kp_table t;

    kp_text_add(out, "include");
    for (int64_t i = 0; kp_schema_table(r, i, &t) && !t.plugin; i++)
        if (t.options != &reference_table) /* their sections have options of the core as well */
            kp_text_addf(out, " %s", t.section);
    kp_text_add(out, " sweep");
}

static void add_known_keys(const struct kp_registry *r, const char *name, struct kp_text *out)
{
    const char *space = "";
    struct kp_table t;

    if (strcmp(name, "include") == 0)
        kp_text_add(out, "path");
    for (int64_t i = 0; kp_schema_table(r, i, &t); i++) {
        for (uint32_t k = 0; is_section(&t, name, strlen(name)) && k < t.options->count; k++) {
            kp_text_addf(out, "%s%s", space, kp_option_at(t.options, k)->name);
            space = " ";
        }
    }
    if (!*space && strcmp(name, "include") != 0)
        kp_text_add(out, "none");
}

/* "objective.dk.tau" where no objective dk is open. */
static bool explain_absent_plugin(const struct kp_registry *r, const char *section,
                                  struct kp_text *out)
{
    static const struct {
        const char *prefix;
        enum kp_owner kind;
    } kinds[] = {{"model.", KP_OWNER_MODEL},
                 {"objective.", KP_OWNER_OBJECTIVE},
                 {"metric.", KP_OWNER_METRIC},
                 {"analysis.", KP_OWNER_ANALYSIS}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t n = strlen(kinds[i].prefix);
        if (strncmp(section, kinds[i].prefix, n) == 0 && !kp_schema_has_section(r, section)) {
            kp_schema_explain_plugin(r, kinds[i].kind, section + n, out);
            return true;
        }
    }
    return false;
}

void kp_schema_explain(const struct kp_registry *r, const char *key, struct kp_text *out)
{
    char section[KEY_SIZE], known[KEY_SIZE];
    const char *dot = strrchr(key, '.');
    struct best best = {.distance = SIZE_MAX};
    struct kp_table t;
    bool good_section;

    if (!dot || (size_t)(dot - key) >= sizeof(section) || strlen(dot) >= KEY_SIZE / 2) {
        kp_text_add(out, "unknown key; section.key");
        return;
    }
    (void)snprintf(section, sizeof(section), "%.*s", (int)(dot - key), key);
    if (explain_absent_plugin(r, section, out))
        return;
    good_section = kp_schema_has_section(r, section);
    for (int64_t i = 0; strcmp(section, "include") != 0 && kp_schema_table(r, i, &t); i++) {
        section_name(&t, known);
        for (uint32_t k = 0; k < t.options->count; k++)
            consider(&best, section, dot + 1, known, kp_option_at(t.options, k)->name);
    }
    consider(&best, section, dot + 1, "include", "path");

    kp_text_addf(out, "unknown %s; ", good_section ? "key" : "section");
    if (best.distance != SIZE_MAX) {
        kp_text_addf(out, "did you mean %s?", best.key);
    } else if (good_section) {
        kp_text_addf(out, "the keys of [%s]: ", section);
        add_known_keys(r, section, out);
    } else {
        kp_text_add(out, "sections: ");
        add_known_sections(r, out);
    }
}

void kp_schema_explain_plugin(const struct kp_registry *r, enum kp_owner kind, const char *name,
                              struct kp_text *out)
{
    static const char *const words[] = {"",       "",         "model",  "objective",
                                        "metric", "analysis", "dataset"};
    const char *near = NULL;
    size_t least = 3;
    struct kp_text known = {0};
    const struct kp_option_table *repeated = &kp_analysis_table;
    struct kp_table t;

    for (int64_t i = 0; kp_schema_table(r, i, &t); i++) {
        if (t.owner != kind || !t.plugin || t.options == repeated)
            continue;
        size_t d = kp_text_distance(t.plugin, name);
        if (d < least && d <= strlen(t.plugin) / 2) {
            least = d;
            near = t.plugin;
        }
        kp_text_addf(&known, " %s", t.plugin);
    }
    kp_text_addf(out, "no %s '%.60s' among the plugins; ", words[kind], name);
    if (near)
        kp_text_addf(out, "did you mean '%s'? ", near);
    kp_text_addf(out, "known:%s", known.length > 0 ? known.s : " none (see KAPPA_PLUGINS)");
    kp_text_finish(&known);
}
