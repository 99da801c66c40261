/* experiment.c - an INI file with its includes, overrides and sweep: many configurations. */
#include "config/experiment.h"

#include "config/plugin_path.h"
#include "config/resolve.h"
#include "host/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kp_experiment {
    char *path;
    struct kp_source source;
    struct kp_values values;
    struct kp_sweep sweep;
    struct passed_on {
        struct kp_override *v; /* texts in source.memory */
        int64_t count;
    } passed_on[KP_REFERENCES];
};

/* Settings about this machine, which --set gives to the experiments that a reference names as well;
 * where the data lie, the first PLACES, only where they are the same. */
static bool reaches(const char *text, enum kp_reference to)
{
    static const char *const keys[] = {
        "data.root",      "data.cache",       "data.decode", "data.decoders", "run.threads",
        "run.checkpoint", "train.eval_batch", "device.kind", "device.index",  "plugins.path"};
    enum { PLACES = 2 };
    size_t n;

    text += strspn(text, " \t");
    n = strcspn(text, "= \t");
    for (size_t i = to == KP_REFERENCE_TEACHER ? 0 : PLACES; i < sizeof(keys) / sizeof(keys[0]);
         i++)
        if (strlen(keys[i]) == n && strncmp(keys[i], text, n) == 0)
            return true;
    return false;
}

static void pass_on(struct kp_experiment *x, enum kp_reference to, const char *text,
                    struct kp_problems *p)
{
    const char *copy = kp_arena_strdup(&x->source.memory, text);

    if (copy)
        x->passed_on[to].v[x->passed_on[to].count++] = (struct kp_override){false, copy};
    else
        p->failed = true;
}

static bool names_experiment(const struct kp_experiment *x, enum kp_reference which)
{
    char key[32];

    (void)snprintf(key, sizeof(key), "%s.experiment", kp_reference_names[which]);
    return kp_values_find(&x->values, key) || kp_sweep_axis(&x->sweep, key);
}

/* Machine settings first, so that what is addressed to a reference wins. */
static void pass_on_overrides(struct kp_experiment *x, const struct kp_override *overrides,
                              int64_t count, struct kp_problems *p)
{
    for (int to = 0; to < KP_REFERENCES && count > 0; to++) {
        x->passed_on[to].v = calloc((size_t)count, sizeof(*x->passed_on[to].v));
        if (!x->passed_on[to].v) {
            p->failed = true;
            return;
        }
        for (int64_t i = 0; i < count; i++)
            if (!overrides[i].sweep && reaches(overrides[i].text, (enum kp_reference)to))
                pass_on(x, (enum kp_reference)to, overrides[i].text, p);
    }
    for (int64_t i = 0; i < count; i++) {
        enum kp_reference to;
        const char *text = kp_override_passed_on(&overrides[i], &to);
        struct kp_place place = {"--set", (int)(i + 1), KP_PLACE_COMMAND_LINE};

        if (!text || overrides[i].sweep)
            continue;
        if (!names_experiment(x, to))
            kp_problem_add(p, place, NULL,
                           "'%.100s': this experiment names none there; [%s] experiment = INI file",
                           overrides[i].text, kp_reference_names[to]);
        pass_on(x, to, text, p);
    }
}

/* Does the entry stand in the same unknown section, of the same file, as the one before it? */
static bool same_section(const struct kp_entry *a, const struct kp_entry *b)
{
    size_t n = (size_t)(strrchr(a->key, '.') - a->key);
    return a->place.order == b->place.order && (size_t)(strrchr(b->key, '.') - b->key) == n &&
           strncmp(a->key, b->key, n) == 0;
}

/* A whole section that is not known is reported once. */
static void check_keys(const struct kp_source *s, const struct kp_registry *r,
                       struct kp_problems *p)
{
    const struct kp_entry *bad = NULL;

    for (int64_t i = 0; i < s->count; i++) {
        const struct kp_entry *e = &s->v[i];
        struct kp_known known;
        struct kp_text why = {0};
        char section[64];
        size_t n = (size_t)(strrchr(e->key, '.') - e->key);

        if (strncmp(e->key, "sweep.", 6) == 0 || kp_schema_find(r, e->key, &known))
            continue;
        if (n < sizeof(section)) {
            memcpy(section, e->key, n);
            section[n] = '\0';
            if (bad && same_section(bad, e) && !kp_schema_has_section(r, section))
                continue;
        }
        kp_schema_explain(r, e->key, &why);
        kp_problem_add(p, e->place, e->key, "%s", why.s ? why.s : "unknown key");
        kp_text_finish(&why);
        bad = e;
    }
}

/* Values that stand as they are, also of plugins that no cell chooses. */
static void check_values(const struct kp_values *values, const struct kp_registry *r,
                         struct kp_problems *p)
{
    struct kp_arena scratch = {0};

    for (int64_t i = 0; i < values->count; i++) {
        const struct kp_entry *e = &values->v[i];
        struct kp_error why = {0};
        struct kp_known known;
        const char *canonical;

        if (!strstr(e->value, "${") && kp_schema_find(r, e->key, &known) &&
            kp_option_check(known.option, e->value, &scratch, &canonical, &why) != KP_OK)
            kp_problem_add(p, e->place, e->key, "%s", why.text);
    }
    kp_arena_finish(&scratch);
}

static struct kp_cell cell_of(const struct kp_experiment *x, const struct kp_registry *r,
                              int64_t number)
{
    return (struct kp_cell){x->path, r, &x->values, &x->sweep, number};
}

/* Everything that can be found before a cell is asked for. */
static void read_experiment(struct kp_experiment *x, const struct kp_override *overrides,
                            int64_t count, struct kp_registry *r, struct kp_problems *p)
{
    kp_source_read(&x->source, x->path, p);
    bool readable = p->count == 0 && !p->failed;

    kp_source_override(&x->source, overrides, count, p);
    kp_values_pick(&x->values, &x->source, p);
    if (p->failed)
        return;
    kp_plugin_path_open(&x->values, r, p);
    check_keys(&x->source, r, p);
    check_values(&x->values, r, p);
    kp_sweep_build(&x->sweep, &x->source, &x->values, r, p);
    pass_on_overrides(x, overrides, count, p);
    const struct kp_axis *path = kp_sweep_axis(&x->sweep, "plugins.path");
    if (path)
        kp_problem_add(p, path->place, "plugins.path",
                       "is read before there are cells; write all folders in [plugins]");

    /* With problems at hand, add those of the first cell, so that all are seen at once; but what a
     * file that cannot be read would have said is not missing. */
    if (p->count > 0 && readable && !p->failed && x->sweep.cells > 0) {
        struct kp_cell cell = cell_of(x, r, 0);
        kp_config_destroy(kp_resolve(&cell, p));
    }
}

enum kp_status kp_experiment_open(const char *path, const struct kp_override *overrides,
                                  int64_t override_count, struct kp_registry *registry,
                                  struct kp_experiment **out, struct kp_text *report)
{
    enum kp_status st;
    struct kp_problems problems = {0};
    struct kp_experiment *x = calloc(1, sizeof(*x));

    if (x)
        x->path = strdup(path);
    if (x && x->path)
        read_experiment(x, overrides, override_count, registry, &problems);
    else
        problems.failed = true;
    st = kp_problems_report(&problems, report);
    kp_problems_finish(&problems);
    if (st != KP_OK) {
        kp_experiment_destroy(x);
        return st;
    }
    *out = x;
    return KP_OK;
}

void kp_experiment_destroy(struct kp_experiment *x)
{
    if (!x)
        return;
    kp_sweep_finish(&x->sweep);
    kp_values_finish(&x->values);
    kp_source_finish(&x->source);
    for (int i = 0; i < KP_REFERENCES; i++)
        free(x->passed_on[i].v);
    free(x->path);
    free(x);
}

const char *kp_experiment_path(const struct kp_experiment *x)
{
    return x->path;
}

int64_t kp_experiment_cells(const struct kp_experiment *x)
{
    return x->sweep.cells;
}

enum kp_status kp_experiment_resolve(const struct kp_experiment *x, int64_t cell,
                                     const struct kp_registry *registry, struct kp_config **out,
                                     struct kp_text *report)
{
    enum kp_status st;
    struct kp_problems problems = {0};
    struct kp_cell at = cell_of(x, registry, cell);
    struct kp_config *c;

    KP_ASSERT(cell >= 0 && cell < x->sweep.cells);
    c = kp_resolve(&at, &problems);
    st = kp_problems_report(&problems, report);
    kp_problems_finish(&problems);
    if (st != KP_OK) {
        kp_config_destroy(c);
        return st;
    }
    *out = c;
    return KP_OK;
}

const struct kp_override *kp_experiment_overrides(const struct kp_experiment *x,
                                                  enum kp_reference of, int64_t *count)
{
    *count = x->passed_on[of].count;
    return x->passed_on[of].v;
}
