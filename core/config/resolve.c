/* resolve.c - one cell of an experiment becomes a configuration. */
#include "config/resolve.h"

#include "base/file.h"
#include "base/running.h"
#include "config/interpolate.h"
#include "config/plugin_path.h"
#include "config/uses.h"
#include "host/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct resolver {
    const struct kp_cell *cell;
    struct kp_problems *problems;
    struct kp_config *c;
    int64_t room;
};

static const char *origin_text(struct kp_config *c, const struct kp_raw *raw)
{
    struct kp_text text = {0};
    const char *out;

    if (raw->is_default)
        return "default";
    kp_place_text(raw->place, &text);
    if (raw->swept && raw->place.order != KP_PLACE_COMMAND_LINE)
        kp_text_add(&text, " [sweep]");
    out = text.failed ? NULL : kp_arena_strdup(&c->memory, text.s);
    kp_text_finish(&text);
    return out;
}

/* "007" and "7" are one seed. */
static const char *seed_text(struct kp_config *c, const char *text)
{
    char number[32];

    if (!kp_stream_seed_valid(text, true) || text[0] < '0' || text[0] > '9')
        return text;
    (void)snprintf(number, sizeof(number), "%lld", strtoll(text, NULL, 10));
    return kp_arena_strdup(&c->memory, number);
}

/* Words with one space between. */
static const char *words_text(struct kp_config *c, const char *text)
{
    char *out = kp_arena_alloc(&c->memory, strlen(text) + 2, 1), *to = out;

    for (const char *at = text; out && *(at += strspn(at, " \t"));) {
        size_t n = strcspn(at, " \t");
        if (to != out)
            *to++ = ' ';
        memcpy(to, at, n);
        to += n;
        at += n;
    }
    return out;
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Does the key belong to a section that refers to trained weights? */
static bool is_reference(const char *key)
{
    for (int i = 0; i < KP_REFERENCES; i++) {
        size_t n = strlen(kp_reference_names[i]);
        if (strncmp(key, kp_reference_names[i], n) == 0 && key[n] == '.')
            return true;
    }
    return false;
}

/* Text that means more than itself. NULL if out of memory. */
static const char *final_text(struct resolver *r, const char *key, const struct kp_option *o,
                              const char *text, struct kp_place place)
{
    if (*text && is_reference(key) &&
        (strcmp(o->name, "experiment") == 0 || strcmp(o->name, "file") == 0))
        return kp_path_from(place, text, &r->c->memory);
    if (o->type == KP_OPT_STRING && has_prefix(key, "seed."))
        return seed_text(r->c, text);
    if (strcmp(key, "plugins.path") == 0)
        return kp_plugin_path(place, text, &r->c->memory);
    if (strcmp(key, "train.freeze") == 0 || strcmp(key, "init.skip") == 0)
        return words_text(r->c, text);
    return text;
}

static void add_missing(struct resolver *r, const char *key, const struct kp_option *o,
                        struct kp_place place)
{
    char right[512];

    kp_option_describe(o, right, sizeof(right));
    kp_problem_add(r->problems, place, key, "not given; %s (%s)", right, o->doc);
}

/* The canonical text of a key, NULL after a problem. */
static const char *resolve_text(struct resolver *r, const char *key, const struct kp_option *o,
                                struct kp_raw *raw)
{
    struct kp_text text = {0};
    struct kp_error why = {0};
    const char *canonical = NULL;
    const bool place = kp_setting_is_place(key);
    enum kp_status st;

    if (!kp_cell_raw(r->cell, key, o, raw)) {
        add_missing(r, key, o, raw->place);
        return NULL;
    }
    st = kp_interpolate(r->cell, raw->text, place, &text, &why);
    if (st == KP_OK && !place && strstr(text.s, "${"))
        st = kp_fail(&why, KP_E_CONFIG, "'${' is left once ${...} is replaced; a value without it");
    if (st == KP_OK)
        st = kp_option_check(o, text.s, &r->c->memory, &canonical, &why);
    kp_text_finish(&text);
    if (st == KP_E_NOMEM)
        r->problems->failed = true;
    else if (st != KP_OK)
        kp_problem_add(r->problems, raw->place, key, "%s%s",
                       raw->is_default ? "not given, and by default: " : "", why.text);
    if (st != KP_OK)
        return NULL;
    canonical = final_text(r, key, o, canonical, raw->place);
    if (!canonical)
        r->problems->failed = true;
    return canonical;
}

static void add_setting(struct resolver *r, const struct kp_table *t, uint32_t number)
{
    struct kp_config *c = r->c;
    const struct kp_option *o = kp_option_at(t->options, number);
    struct kp_setting s = {0};
    struct kp_raw raw;
    char key[160];

    if (t->owner == KP_OWNER_CORE && !kp_option_in_use(r->cell, c, t->section, o, r->problems))
        return;
    (void)snprintf(key, sizeof(key), "%s%s%s.%s", t->section, t->plugin ? "." : "",
                   t->plugin ? t->plugin : "", o->name);
    s.text = resolve_text(r, key, o, &raw);
    if (!s.text)
        return;
    if (t->owner == KP_OWNER_CHOICE && is_reference(key) && !*s.text)
        return;
    s.key = kp_arena_strdup(&c->memory, key);
    s.origin = origin_text(c, &raw);
    s.number = kp_option_number(o, s.text);
    s.hashed = t->hashed ? t->hashed[number]
                         : t->owner != KP_OWNER_METRIC && t->owner != KP_OWNER_ANALYSIS;
    if (!s.key || !s.origin || c->count == r->room) {
        r->problems->failed = true;
        return;
    }
    c->settings[c->count++] = s;
    if (t->owner == KP_OWNER_CORE && !kp_option_store(o, s.text, &c->memory, &c->core))
        r->problems->failed = true;
}

static int compare(const void *a, const void *b)
{
    const struct kp_setting *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static void sort(struct kp_config *c)
{
    if (c->count > 0)
        qsort(c->settings, (size_t)c->count, sizeof(*c->settings), compare);
}

/* Is `name` one of the words of `list`? */
static bool has_word(const char *list, const char *name)
{
    size_t n = strlen(name);

    while (*(list += strspn(list, " \t"))) {
        size_t m = strcspn(list, " \t");
        if (m == n && strncmp(list, name, n) == 0)
            return true;
        list += m;
    }
    return false;
}

static bool in_use(const struct kp_config *c, const struct kp_table *t)
{
    if (!t->plugin)
        return true;
    if (t->owner == KP_OWNER_MODEL)
        return c->model && strcmp(c->model->name, t->plugin) == 0;
    if (t->owner == KP_OWNER_OBJECTIVE)
        return c->objective && strcmp(c->objective->name, t->plugin) == 0;
    if (t->owner == KP_OWNER_DATASET)
        return c->dataset && strcmp(c->dataset->name, t->plugin) == 0;
    if (t->owner == KP_OWNER_ANALYSIS)
        return false; /* by section, see add_analyses() */
    return c->core.metrics.plugins && has_word(c->core.metrics.plugins, t->plugin);
}

/* Settings of the core, or (second pass) of the plugins that they choose. */
static void add_tables(struct resolver *r, bool plugins)
{
    struct kp_table t;

    for (int64_t i = 0; kp_schema_table(r->cell->registry, i, &t); i++)
        for (uint32_t k = 0;
             (t.plugin != NULL) == plugins && in_use(r->c, &t) && k < t.options->count; k++)
            add_setting(r, &t, k);
}

/* The settings of one section [analysis.PLUGIN] or [analysis.PLUGIN.LABEL], once. */
static void add_analysis(struct resolver *r, const char *key)
{
    struct kp_config *c = r->c;
    struct kp_analysis_config a = {0};
    struct kp_known known;

    if (!has_prefix(key, "analysis.") || !kp_schema_find(r->cell->registry, key, &known))
        return;
    for (int64_t i = 0; i < c->analysis_count; i++) {
        size_t n = strlen(c->analyses[i].section);
        if (strncmp(key + 9, c->analyses[i].section, n) == 0 && strrchr(key, '.') == key + 9 + n)
            return;
    }
    char *section = kp_arena_strdup(&c->memory, key + strlen("analysis."));
    if (!section || c->analysis_count == KP_ANALYSES_MAX) {
        r->problems->failed = true;
        return;
    }
    *strrchr(section, '.') = '\0';
    a.section = section;
    a.label = strchr(section, '.') ? strchr(section, '.') + 1 : "";
    a.def = kp_registry_metric(r->cell->registry, known.table.plugin, &a.from);

    const struct kp_option_table *tables[] = {&kp_analysis_table, &a.def->options};
    for (size_t i = 0; i < 2; i++) {
        struct kp_table t = {"analysis", section, KP_OWNER_ANALYSIS, tables[i], NULL};
        for (uint32_t k = 0; k < t.options->count; k++)
            add_setting(r, &t, k);
    }
    c->analyses[c->analysis_count++] = a;
}

static void add_analyses(struct resolver *r)
{
    const struct kp_values *values = r->cell->values;
    const struct kp_sweep *sweep = r->cell->sweep;

    r->c->analyses = kp_arena_new(&r->c->memory, struct kp_analysis_config, KP_ANALYSES_MAX);
    if (!r->c->analyses) {
        r->problems->failed = true;
        return;
    }
    for (int64_t i = 0; i < values->count; i++)
        add_analysis(r, values->v[i].key);
    for (int i = 0; i < sweep->axis_count; i++)
        add_analysis(r, sweep->axes[i].key);
}

/* The host's own settings of the analyses, once everything is sorted. */
static void fill_analyses(struct resolver *r)
{
    struct kp_config *c = r->c;

    for (int64_t i = 0; i < c->analysis_count; i++)
        for (uint32_t k = 0; k < kp_analysis_table.count; k++) {
            const struct kp_option *o = kp_option_at(&kp_analysis_table, k);
            const struct kp_setting *s;
            char key[160];

            (void)snprintf(key, sizeof(key), "analysis.%s.%s", c->analyses[i].section, o->name);
            s = kp_config_find(c, key);
            if (s && !kp_option_store(o, s->text, &c->memory, &c->analyses[i].core))
                r->problems->failed = true;
            if (s && k == 0)
                c->analyses[i].origin = s->origin;
        }
}

static void no_plugin(struct resolver *r, enum kp_owner kind, const char *key, const char *name)
{
    const struct kp_setting *s = kp_config_find(r->c, key);
    struct kp_known known;
    struct kp_raw raw;
    struct kp_text why = {0};

    if (s && kp_schema_find(r->cell->registry, key, &known)) {
        (void)kp_cell_raw(r->cell, key, known.option, &raw);
        kp_schema_explain_plugin(r->cell->registry, kind, name, &why);
        kp_problem_add(r->problems, raw.place, key, "%s", why.s ? why.s : "no such plugin");
    }
    kp_text_finish(&why);
}

static void only_analyses(struct resolver *r, const char *name)
{
    struct kp_known known;
    struct kp_raw raw;

    if (kp_schema_find(r->cell->registry, "metrics.plugins", &known)) {
        (void)kp_cell_raw(r->cell, "metrics.plugins", known.option, &raw);
        kp_problem_add(r->problems, raw.place, "metrics.plugins",
                       "'%s' does not watch a training; a section [analysis.%s]", name, name);
    }
}

static void check_metric_names(struct resolver *r)
{
    const char *at = r->c->core.metrics.plugins;

    while (at && *(at += strspn(at, " \t"))) {
        size_t n = strcspn(at, " \t");
        char *name = strndup(at, n);
        if (!name)
            r->problems->failed = true;
        else if (!kp_registry_metric(r->cell->registry, name, NULL))
            no_plugin(r, KP_OWNER_METRIC, "metrics.plugins", name);
        else if (!kp_registry_metric(r->cell->registry, name, NULL)->observe)
            only_analyses(r, name);
        free(name);
        at += n;
    }
}

static void choose_plugins(struct resolver *r)
{
    struct kp_config *c = r->c;
    const struct kp_setting *model = kp_config_find(c, "model.plugin");
    const struct kp_setting *objective = kp_config_find(c, "objective.plugin");

    if (model)
        c->model = kp_registry_model(r->cell->registry, model->text, &c->model_from);
    if (model && !c->model)
        no_plugin(r, KP_OWNER_MODEL, model->key, model->text);
    if (objective)
        c->objective =
            kp_registry_objective(r->cell->registry, objective->text, &c->objective_from);
    if (objective && !c->objective)
        no_plugin(r, KP_OWNER_OBJECTIVE, objective->key, objective->text);
    if (c->core.data.set && *c->core.data.set) {
        c->dataset = kp_registry_dataset(c->registry, c->core.data.set, &c->dataset_from);
        if (!c->dataset)
            no_plugin(r, KP_OWNER_DATASET, "data.set", c->core.data.set);
    }
    check_metric_names(r);
}

static struct kp_weights_ref reference(const struct kp_config *c, const char *section)
{
    static const char *const names[] = {"experiment", "run", "file"};
    struct kp_weights_ref r = {0};
    const char **const texts[] = {&r.experiment, &r.run, &r.file};
    char key[32];

    for (int i = 0; i < 3; i++) {
        (void)snprintf(key, sizeof(key), "%s.%s", section, names[i]);
        const struct kp_setting *s = kp_config_find(c, key);
        if (!s)
            continue;
        *texts[i] = s->text;
        if (!r.origin)
            r.origin = s->origin;
    }
    return r;
}

/* What the settings mean together. */
/* Settings that say which examples a student trains on. */
static bool is_of_students(const char *key)
{
    return strcmp(key, "data.student_pool") == 0 || strcmp(key, "data.student_offset") == 0 ||
           strcmp(key, "data.nested") == 0 || strcmp(key, "seed.subset") == 0;
}

static void derive(struct kp_config *c)
{
    bool is_teacher = c->core.run.role == KP_ROLE_TEACHER;
    bool loss_reads_teacher = c->objective && (c->objective->needs & KP_NEED_TEACHER_LOGITS);

    for (int i = 0; i < KP_REFERENCES; i++)
        c->reference[i] = reference(c, kp_reference_names[i]);
    c->needs_teacher =
        loss_reads_teacher || (c->core.seed.init && strcmp(c->core.seed.init, "teacher") == 0);
    c->kappa = is_teacher ? 1 : c->core.data.kappa;
    c->m = is_teacher ? c->core.data.n_teacher
                      : llround(c->core.data.kappa * (double)c->core.data.n_teacher);

    for (int64_t i = 0; i < c->count; i++) {
        struct kp_setting *s = &c->settings[i];
        if (strcmp(s->key, "teacher.mode") == 0)
            s->hashed = loss_reads_teacher;
        if (strcmp(s->key, "init.skip") == 0)
            s->hashed = kp_weights_ref_given(&c->reference[KP_REFERENCE_INIT]);
        if (strcmp(s->key, "run.imported") == 0 || strcmp(s->key, "data.format") == 0 ||
            strcmp(s->key, "data.set") == 0)
            s->hashed = *s->text != '\0';
        if (strcmp(s->key, "data.draw") == 0)
            s->hashed = c->core.data.draw != KP_SETTING_DRAW_RANDOM;
        if (strcmp(s->key, "train.micro_batch") == 0)
            s->hashed = c->core.train.micro_batch != 0;
        if (strcmp(s->key, "device.tf32") == 0)
            s->hashed = c->core.device.tf32;
        if (strcmp(s->key, "train.precision") == 0)
            s->hashed = c->core.train.precision != KP_SETTING_PRECISION_FP32;
        if (is_teacher && is_of_students(s->key))
            s->hashed = false;
    }
}

static double temperature(struct kp_config *c)
{
    const struct kp_objective_def *o = c->objective;
    char key[160];

    if (KP_HAS(o, temperature) && o->temperature) {
        const void *self = kp_config_objective_self(c);
        double tau = (double)NAN;

        if (self)
            KP_IN_PLUGIN("objective", o->name, "temperature", tau = o->temperature(self));
        return tau;
    }
    (void)snprintf(key, sizeof(key), "objective.%s.tau", o->name);
    const struct kp_setting *s = kp_config_find(c, key);
    return s ? s->number : (double)NAN;
}

static int64_t count_options(const struct kp_registry *registry)
{
    struct kp_table t;
    int64_t n = 0;

    for (int64_t i = 0; kp_schema_table(registry, i, &t); i++)
        n += t.options->count * (t.owner == KP_OWNER_ANALYSIS ? KP_ANALYSES_MAX : 1);
    return n;
}

/* There was room for every option that there is; a configuration has few of them. */
static void keep_settings(struct kp_config *c, struct kp_problems *p)
{
    struct kp_setting *own = kp_arena_new(&c->memory, struct kp_setting, c->count);

    if (own)
        memcpy(own, c->settings, (size_t)c->count * sizeof(*own));
    else
        p->failed = true;
    c->settings = own;
}

struct kp_config *kp_resolve(const struct kp_cell *cell, struct kp_problems *p)
{
    struct resolver r = {.cell = cell, .problems = p, .room = count_options(cell->registry)};
    int64_t before = p->count + p->more;
    struct kp_config *c = calloc(1, sizeof(*c));

    struct kp_setting *all = calloc((size_t)r.room, sizeof(*all));

    if (!c || !all) {
        p->failed = true;
        kp_config_destroy(c);
        free(all);
        return NULL;
    }
    c->settings = all;
    r.c = c;
    c->registry = cell->registry;
    add_tables(&r, false);
    sort(c);
    choose_plugins(&r);
    add_tables(&r, true);
    add_analyses(&r);
    sort(c);
    fill_analyses(&r);
    derive(c);
    kp_resolve_check(cell, c, p);
    keep_settings(c, p);
    free(all);
    if (p->failed || p->count + p->more != before) {
        kp_config_destroy(c);
        return NULL;
    }
    c->tau = temperature(c);
    return c;
}
