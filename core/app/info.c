/* info.c - `kappa info`: a plugin's options and formula, or the options of a core section. */
#include "app/command.h"
#include "app/option_text.h"
#include "app/output.h"
#include "app/setup.h"

#include <string.h>

/* Whatever is called by a name: what there is to say about it. */
struct subject {
    const char *kind;    /* "model"; "section" for the core's own */
    const char *section; /* of a plugin's options where it is not kind: "data"; else NULL */
    const char *name, *doc;
    const char *formula, *formula_of; /* or NULL; "loss of a row" */
    const char *needs;                /* or NULL */
    const struct kp_option_table *options;
    const struct kp_metric_value *values; /* [value_count] of a metric or an analysis */
    uint32_t value_count, value_size;
    bool reads_no_split;          /* the values are called "run/..." */
    const struct kp_loaded *from; /* NULL for the core's own */
};

enum { SUBJECTS = 8 };

/* The second face of a metric plugin. */
static struct subject analysis_of(const struct kp_metric_def *m, const struct kp_loaded *from)
{
    const struct kp_analyser *a = kp_metric_analyser(m);

    return (struct subject){
        .kind = "analysis",
        .name = m->name,
        .doc = m->doc,
        .needs = a->needs & KP_ANALYSIS_NEEDS_PAIRS
                     ? "finished runs and what they are compared with"
                 : a->scope == KP_SCOPE_GROUP ? "finished runs that differ in their seed"
                                              : "finished runs",
        .formula = kp_metric_formula(m),
        .formula_of = "formula",
        .reads_no_split = !(a->needs & (KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_READS_GRADS)),
        .options = &m->options,
        .values = a->values,
        .value_count = a->value_count,
        .value_size = a->value_size,
        .from = from};
}

static int find(const struct kp_registry *r, const char *name, struct subject out[SUBJECTS])
{
    const struct kp_loaded *from = NULL;
    const struct kp_model_def *model = kp_registry_model(r, name, &from);
    const struct kp_objective_def *objective;
    const struct kp_metric_def *metric;
    const struct kp_loaded *op_from = NULL, *dataset_from = NULL;
    const struct kp_op_def *op = kp_registry_op(r, name, &op_from);
    const struct kp_dataset_def *dataset = kp_registry_dataset(r, name, &dataset_from);
    int n = 0;

    if (model)
        out[n++] = (struct subject){.kind = "model",
                                    .name = model->name,
                                    .doc = model->doc,
                                    .options = &model->options,
                                    .from = from};
    if ((objective = kp_registry_objective(r, name, &from)) != NULL)
        out[n++] = (struct subject){.kind = "objective",
                                    .name = objective->name,
                                    .doc = objective->doc,
                                    .formula = objective->formula,
                                    .formula_of = "loss of a row",
                                    .needs = objective->needs & KP_NEED_TEACHER_LOGITS
                                                 ? "a teacher: its logits"
                                                 : "no teacher",
                                    .options = &objective->options,
                                    .from = from};
    metric = kp_registry_metric(r, name, &from);
    if (metric && metric->observe)
        out[n++] = (struct subject){.kind = "metric",
                                    .name = metric->name,
                                    .doc = metric->doc,
                                    .formula = kp_metric_formula(metric),
                                    .formula_of = "formula",
                                    .needs = metric->needs & KP_METRIC_NEEDS_TEACHER ? "a teacher"
                                                                                     : "no teacher",
                                    .options = &metric->options,
                                    .values = metric->values,
                                    .value_count = metric->value_count,
                                    .value_size = metric->value_size,
                                    .from = from};
    if (metric && kp_metric_analyser(metric))
        out[n++] = analysis_of(metric, from);
    if (op)
        out[n++] = (struct subject){.kind = "op",
                                    .name = op->name,
                                    .doc = op->doc,
                                    .formula = op->formula,
                                    .formula_of = "result",
                                    .options = &op->options,
                                    .from = op_from};
    if (dataset)
        out[n++] = (struct subject){.kind = "dataset",
                                    .section = "data",
                                    .name = dataset->name,
                                    .doc = dataset->doc,
                                    .options = &dataset->options,
                                    .from = dataset_from};
    if (strcmp(name, "analysis") == 0)
        out[n++] = (struct subject){.kind = "section",
                                    .name = "analysis",
                                    .doc = "What every [analysis.NAME] or [analysis.NAME.LABEL] "
                                           "may say, besides the options of NAME.",
                                    .options = &kp_analysis_table};
    for (int i = 0; i < kp_section_count; i++)
        if (strcmp(kp_sections[i].name, name) == 0)
            out[n++] = (struct subject){.kind = "section",
                                        .name = kp_sections[i].name,
                                        .doc = "Settings of the core.",
                                        .options = &kp_sections[i].options};
    return n;
}

/* The nearest name of anything, or NULL. */
static void consider(const char *typed, const char *name, const char **best, size_t *distance)
{
    size_t d = kp_text_distance(typed, name);
    if (d < *distance) {
        *best = name;
        *distance = d;
    }
}

static void say_unknown(const struct kp_registry *r, const char *typed)
{
    const char *best = NULL;
    size_t distance = 3;

    for (int64_t i = 0; i < r->count; i++) {
        const struct kp_plugin *p = r->loaded[i]->plugin;
        for (int j = 0; p->models && p->models[j]; j++)
            consider(typed, p->models[j]->name, &best, &distance);
        for (int j = 0; p->objectives && p->objectives[j]; j++)
            consider(typed, p->objectives[j]->name, &best, &distance);
        for (int j = 0; p->metrics && p->metrics[j]; j++)
            consider(typed, p->metrics[j]->name, &best, &distance);
        for (int j = 0; kp_plugin_ops(p) && kp_plugin_ops(p)[j]; j++)
            consider(typed, kp_plugin_ops(p)[j]->name, &best, &distance);
        for (int j = 0; kp_plugin_datasets(p) && kp_plugin_datasets(p)[j]; j++)
            consider(typed, kp_plugin_datasets(p)[j]->name, &best, &distance);
    }
    for (int i = 0; i < kp_section_count; i++)
        consider(typed, kp_sections[i].name, &best, &distance);
    if (best)
        kp_say("nothing is called '%s'; did you mean '%s'?", typed, best);
    else
        kp_say("nothing is called '%s'; 'kappa list' shows the plugins", typed);
}

/* "objective.kd." or "train.": what stands before a key in a setting's full name. */
static void key_prefix(const struct subject *s, char *out, size_t size)
{
    if (s->from)
        (void)snprintf(out, size, "%s.%s.", s->section ? s->section : s->kind, s->name);
    else
        (void)snprintf(out, size, "%s.", s->name);
}

/* Take those of the overrides that belong to the subject. Every one of them must belong to one. */
static int apply(const struct subject *s, const struct kp_arguments *a, struct kp_option_values *v,
                 bool *used)
{
    char prefix[160];

    key_prefix(s, prefix, sizeof(prefix));
    for (int64_t i = 0; i < a->override_count; i++) {
        const char *text = a->overrides[i].text;
        struct kp_error e = {0};

        if (strncmp(text, prefix, strlen(prefix)) != 0)
            continue;
        used[i] = true;
        if (kp_option_values_set(v, text + strlen(prefix), &e) != KP_OK) {
            kp_say("--set %s: %s", text, e.text);
            return KP_EXIT_USAGE;
        }
    }
    return KP_EXIT_DONE;
}

/* What a line of the table is called, then a text whose further lines stand below its first. */
static void print_text(const char *called, const char *text)
{
    enum { CALLED = 15 };

    (void)printf("  %-*s ", CALLED, called);
    for (size_t n;; text += n + 1) {
        n = strcspn(text, "\n");
        (void)printf("%.*s\n", (int)n, text);
        if (!text[n])
            return;
        (void)printf("%*s", CALLED + 3, "");
    }
}

static void print_values(const struct subject *s)
{
    int width = 0;

    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < s->value_count; i++) {
            const char *base = (const char *)s->values;
            const struct kp_metric_value *v = (const void *)(base + (size_t)i * s->value_size);
            const char *split = s->reads_no_split ? "run" : "SPLIT";
            const int length = (int)(strlen(split) + 1 + strlen(v->name));

            if (pass == 0)
                width = length > width ? length : width;
            else
                (void)printf("  %s/%s%*s %s%s%s; %s is better\n", split, v->name, width - length,
                             "", v->doc, *v->unit ? ", " : "", v->unit,
                             v->higher_is_better ? "higher" : "lower");
        }
}

static void print_subject(const struct subject *s, const struct kp_option_values *v)
{
    char prefix[160];
    struct kp_text formula = {0}, filled = {0};

    key_prefix(s, prefix, sizeof(prefix));
    (void)printf("%s %s\n  %s\n", s->kind, s->name, s->doc);
    if (s->formula) {
        kp_option_values_fill_in(v, s->formula, true, &formula);
        kp_option_values_fill_in(v, s->formula, false, &filled);
        (void)printf("\n");
        print_text(s->formula_of, formula.s ? formula.s : "");
        if (formula.s && filled.s && strcmp(formula.s, filled.s) != 0)
            print_text("with options", filled.s);
    }
    if (s->needs)
        (void)printf("%s  needs           %s\n", s->formula ? "" : "\n", s->needs);
    if (s->value_count > 0)
        (void)printf("\n");
    print_values(s);
    if (s->options->count > 0) {
        if (strcmp(s->kind, "op") == 0) /* no key of an experiment */
            (void)printf("\n  options that a model gives it\n");
        else
            (void)printf("\n[%.*s]\n", (int)strlen(prefix) - 1, prefix);
        kp_option_values_print(v);
    }
    if (s->from)
        (void)printf("\n  plugin %s %s, ABI %d.%d, %s\n", s->from->plugin->name,
                     s->from->plugin->version, s->from->plugin->abi.major,
                     s->from->plugin->abi.minor, s->from->path);
    if (s->from && *s->from->sha256)
        (void)printf("  sha256 %s\n", s->from->sha256);
    kp_text_finish(&formula);
    kp_text_finish(&filled);
}

static int print_all(const struct subject *s, int count, const struct kp_arguments *a)
{
    struct kp_arena memory = {0};
    bool *used = kp_arena_new(&memory, bool, a->override_count + 1);
    struct kp_option_values v[SUBJECTS] = {0};
    int code = KP_EXIT_DONE;

    for (int i = 0; used && code == KP_EXIT_DONE && i < count; i++) {
        if (!kp_option_values_init(&v[i], s[i].options, &memory))
            used = NULL;
        else
            code = apply(&s[i], a, &v[i], used);
    }
    if (!used) {
        kp_say("out of memory");
        code = KP_EXIT_FAILED;
    }
    for (int64_t i = 0; code == KP_EXIT_DONE && i < a->override_count; i++) {
        if (used[i])
            continue;
        kp_say("--set %s: no option of '%s'; 'kappa info %s' shows them", a->overrides[i].text,
               a->v[0], a->v[0]);
        code = KP_EXIT_USAGE;
    }
    for (int i = 0; code == KP_EXIT_DONE && i < count; i++) {
        if (i > 0)
            (void)printf("\n");
        print_subject(&s[i], &v[i]);
    }
    kp_arena_finish(&memory);
    return code;
}

static int command_info(const struct kp_arguments *a)
{
    struct kp_registry registry = {0};
    struct subject s[SUBJECTS];
    int code = kp_setup_registry(&registry);
    int found = find(&registry, a->v[0], s);
    int printed;

    if (found == 0) {
        say_unknown(&registry, a->v[0]);
        code = KP_EXIT_USAGE;
    } else {
        printed = print_all(s, found, a);
        code = printed == KP_EXIT_DONE ? code : printed;
    }
    kp_registry_finish(&registry);
    return code;
}

const struct kp_command kp_command_info = {
    .name = "info",
    .summary = "a plugin's options and formula, or the options of a core section",
    .synopsis = "NAME [OPTION]...",
    .details =
        "NAME is a plugin that 'kappa list' shows, or a section of the core: run, data, train,\n"
        "seed, device, teacher, metrics, analysis. Each option stands with its default, its type "
        "and\n"
        "range, and what it means. --set shows the formula with other options in force.\n",
    .example = "  kappa info kd --set objective.kd.tau=4\n"
               "  kappa info data\n",
    .flags = KP_FLAG_SET,
    .least = 1,
    .most = 1,
    .run = command_info,
};
