/* analyses.c - plans the analyses of an experiment: which runs each one looks at. */
#include "study/planning.h"

#include "store/analysis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kp_planned_analysis_destroy(struct kp_planned_analysis *a)
{
    if (!a)
        return;
    free(a->nets);
    free(a->pairs);
    free(a);
}

static enum kp_status no_memory(struct kp_planning *p)
{
    kp_text_add(p->report, "no memory for the plan of an analysis\n");
    return KP_E_NOMEM;
}

static bool same_net(const struct kp_planned_net *a, const struct kp_planned_net *b)
{
    return a->run == b->run && a->initial == b->initial && a->at == b->at &&
           !a->weights == !b->weights;
}

/* The number of a net, added if it is not there; -1: out of memory. */
static int64_t add_net(struct kp_planned_analysis *a, struct kp_planned_net net)
{
    for (int64_t i = 0; i < a->net_count; i++)
        if (same_net(&a->nets[i], &net))
            return i;
    if (a->net_count == a->room) {
        int64_t room = a->room > 0 ? 2 * a->room : 8;
        struct kp_planned_net *more = realloc(a->nets, (size_t)room * sizeof(*more));
        if (!more)
            return -1;
        a->nets = more;
        a->room = room;
    }
    a->nets[a->net_count] = net;
    return a->net_count++;
}

static bool add_pair(struct kp_planned_analysis *a, int64_t x, int64_t y)
{
    if (a->pair_count == a->pair_room) {
        int64_t room = a->pair_room > 0 ? 2 * a->pair_room : 8;
        struct kp_net_pair *more = realloc(a->pairs, (size_t)room * sizeof(*more));
        if (!more)
            return false;
        a->pairs = more;
        a->pair_room = room;
    }
    a->pairs[a->pair_count++] = (struct kp_net_pair){x, y};
    return true;
}

static struct kp_planned_analysis *begin(const struct kp_analysis_config *config,
                                         struct kp_config *from)
{
    struct kp_planned_analysis *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->config = config;
    a->from = from;
    (void)snprintf(a->suffix, sizeof(a->suffix), "%s%s%s%s",
                   config->core.of == KP_OF_INIT && !config->core.query[0] ? "_of_init" : "",
                   kp_analysis_partner(config) == KP_WITH_INIT && !config->core.query[0] ? "_init"
                                                                                         : "",
                   config->label[0] ? "_" : "", config->label);
    return a;
}

/* The net that a cell contributes; run -1: none (a teacher that is no run). */
static struct kp_planned_net subject_of(const struct kp_plan *plan, int64_t cell,
                                        const struct kp_analysis_config *config, double at)
{
    struct kp_planned_net n = {.run = cell, .at = at};

    if (config->core.of == KP_OF_TEACHER)
        n.run = plan->runs[cell].teacher.run;
    n.initial = config->core.of == KP_OF_INIT;
    return n;
}

/* Kappas before its end at which a run keeps its weights; sets their number. */
static const double *kept_kappas(const struct kp_config *c, int64_t *count)
{
    const struct kp_reals *all = &c->core.train.eval_kappas;

    *count = 0;
    while (c->core.train.keep == KP_SETTING_KEEP_KAPPAS && *count < all->count &&
           all->v[*count] < c->kappa)
        ++*count;
    return all->v;
}

static bool keeps(const struct kp_config *c, double kappa)
{
    int64_t count = 0;
    const double *v = kept_kappas(c, &count);

    for (int64_t i = 0; i < count; i++)
        if (v[i] == kappa)
            return true;
    return false;
}

static enum kp_status add_partners(struct kp_planning *p, struct kp_planned_analysis *a)
{
    enum kp_analysis_with with = kp_analysis_partner(a->config);

    if (with == KP_WITH_NONE)
        return KP_OK;
    for (int64_t i = 0; with == KP_WITH_EACH_OTHER && i < a->subject_count; i++)
        for (int64_t j = 0; j < a->subject_count; j++)
            if (!add_pair(a, i, j))
                return no_memory(p);
    for (int64_t i = 0; with != KP_WITH_EACH_OTHER && i < a->subject_count; i++) {
        const struct kp_planned *r = &p->plan->runs[a->nets[i].run];
        struct kp_planned_net partner = {.run = a->nets[i].run, .initial = with == KP_WITH_INIT};

        if (with == KP_WITH_TEACHER && r->teacher.file)
            partner.weights = r->teacher.file;
        else if (with == KP_WITH_TEACHER)
            partner.run = r->teacher.run;
        if (partner.run < 0)
            continue;
        int64_t number = add_net(a, partner);
        if (number < 0 || !add_pair(a, i, number))
            return no_memory(p);
    }
    a->partners = with != KP_WITH_EACH_OTHER;
    return KP_OK;
}

/* SHA-256 over the settings and, for each net and pair, what stands for it. */
static enum kp_status hash(struct kp_planning *p, const struct kp_planned_analysis *a, size_t which,
                           char out[KP_HASH_SIZE])
{
    struct kp_text text = {0};

    kp_config_analysis_text(a->from, a->config, &text);
    for (int64_t i = 0; i < a->net_count; i++) {
        const struct kp_planned_net *n = &a->nets[i];
        const struct kp_planned *r = &p->plan->runs[n->run];
        const char *of = (const char *)&r->hashes + which;

        kp_text_addf(&text, "%s=%s%s", i < a->subject_count ? "subject" : "partner",
                     n->weights ? r->teacher.identity : of, n->initial ? " initial" : "");
        if (n->at > 0)
            kp_text_addf(&text, " at %.17g", n->at);
        kp_text_add(&text, "\n");
    }
    for (int64_t i = 0; !a->partners && i < a->pair_count; i++)
        kp_text_addf(&text, "pair=%lld %lld\n", (long long)a->pairs[i].a, (long long)a->pairs[i].b);
    if (text.failed) {
        kp_text_finish(&text);
        return no_memory(p);
    }
    kp_hash_bytes(text.s, text.length, out);
    kp_text_finish(&text);
    return KP_OK;
}

/* Takes the analysis over. */
static enum kp_status finish(struct kp_planning *p, struct kp_planned_analysis *a)
{
    struct kp_planned r = {.analysis = a, .teacher.run = -1, .init.run = -1};
    int64_t number = 0;
    enum kp_status st = KP_OK;

    r.config = p->plan->runs[a->nets[0].run].config;
    st = hash(p, a, offsetof(struct kp_hashes, config), r.hashes.config);
    if (st == KP_OK)
        st = hash(p, a, offsetof(struct kp_hashes, pair), r.hashes.pair);
    if (st == KP_OK)
        st = hash(p, a, offsetof(struct kp_hashes, group), r.hashes.group);
    if (st == KP_OK)
        st = kp_plan_append(p, &r, &number);
    if (st != KP_OK || p->plan->runs[number].analysis != a)
        kp_planned_analysis_destroy(a);
    return st;
}

/* Pairs of runs that the database has. None yet: there is nothing to plan. */
static enum kp_status plan_query(struct kp_planning *p, const struct kp_analysis_config *config,
                                 struct kp_config *from)
{
    char(*uids)[KP_UID_SIZE] = NULL;
    struct kp_planned_analysis *a = NULL;
    struct kp_error e = {0};
    int64_t count = 0;
    enum kp_status st = KP_OK;

    if (!p->store)
        return KP_OK;
    st = kp_store_query_pairs(p->store, config->core.query, &uids, &count, &e);
    if (st != KP_OK) {
        kp_text_addf(p->report, "%s: analysis.%s.query: %s\n", config->origin, config->section,
                     e.text);
        return KP_E_CONFIG;
    }
    if (count > 0 && !(a = begin(config, from)))
        st = no_memory(p);
    for (int64_t i = 0; st == KP_OK && i < count; i++) {
        int64_t number[2];

        for (int k = 0; st == KP_OK && k < 2; k++) {
            struct kp_planned_net n = {0};
            st = kp_plan_stored(p, uids[2 * i + k], config->origin, &n.run);
            number[k] = st == KP_OK ? add_net(a, n) : -1;
        }
        if (st == KP_OK && (number[0] < 0 || number[1] < 0 || !add_pair(a, number[0], number[1])))
            st = no_memory(p);
    }
    free(uids);
    if (st != KP_OK || !a) {
        kp_planned_analysis_destroy(a);
        return st;
    }
    a->subject_count = a->net_count;
    return finish(p, a);
}

/* Does a configuration ask for the analysis of this text, too? */
static bool asks_for(const struct kp_config *c, const char *text)
{
    struct kp_text other = {0};
    bool asks = false;

    for (int64_t k = 0; !asks && k < c->analysis_count; k++) {
        kp_text_clear(&other);
        kp_config_analysis_text(c, &c->analyses[k], &other);
        asks = !other.failed && strcmp(text, other.s) == 0;
    }
    kp_text_finish(&other);
    return asks;
}

/* One analysis of one cell at one kappa of its curve (0: its end): a call for each, or with all the
 * cells of its group or experiment that ask for the same and have been there. Done by the first of
 * them. */
static enum kp_status plan_one(struct kp_planning *p, int64_t cell, int64_t cells,
                               const struct kp_analysis_config *config, double at)
{
    struct kp_plan *plan = p->plan;
    struct kp_config *from = plan->runs[cell].config;
    enum kp_analysis_scope scope = kp_analysis_scope_of(config);
    struct kp_planned_analysis *a = begin(config, from);
    struct kp_text mine = {0};
    bool first = true;
    enum kp_status st = KP_OK;

    kp_config_analysis_text(from, config, &mine);
    if (!a || mine.failed)
        st = no_memory(p);
    const int64_t begin = scope == KP_SCOPE_EACH ? cell : 0;
    const int64_t end = scope == KP_SCOPE_EACH ? cell + 1 : cells;
    for (int64_t i = begin; st == KP_OK && i < end; i++) {
        struct kp_planned *r = &plan->runs[i];

        if (!r->cell || (scope == KP_SCOPE_GROUP &&
                         strcmp(r->hashes.group, plan->runs[cell].hashes.group) != 0))
            continue;
        const struct kp_planned_net n = subject_of(plan, i, config, at);
        if (n.run < 0 || (at > 0 && !keeps(plan->runs[n.run].config, at)) ||
            (i != cell && !asks_for(r->config, mine.s)))
            continue;
        first = first && i >= cell;
        if (add_net(a, n) < 0)
            st = no_memory(p);
    }
    kp_text_finish(&mine);
    if (st != KP_OK || !first || a->net_count == 0) {
        kp_planned_analysis_destroy(a);
        return st;
    }
    a->subject_count = a->net_count;
    st = add_partners(p, a);
    if (st != KP_OK || ((kp_metric_analyser(config->def)->needs & KP_ANALYSIS_NEEDS_PAIRS) &&
                        a->pair_count == 0)) {
        kp_planned_analysis_destroy(a);
        return st;
    }
    return finish(p, a);
}

/* One analysis of one cell: at its end, or at each kappa at which its subject keeps weights. */
static enum kp_status plan_points(struct kp_planning *p, int64_t cell, int64_t cells,
                                  const struct kp_analysis_config *config)
{
    const int64_t run = subject_of(p->plan, cell, config, 0).run;
    int64_t count = 0;
    enum kp_status st = KP_OK;

    if (config->core.at == KP_ANALYSE_KAPPAS && run >= 0) {
        const struct kp_config *c = p->plan->runs[run].config;
        const double *kappas = kept_kappas(c, &count);

        if (count == 0) {
            kp_text_addf(p->report,
                         "%s: analysis.%s.at: kappas, but the %s keeps no weights below its kappa "
                         "%g; train.keep = kappas and train.eval_kappas, or at = end\n",
                         config->origin, config->section,
                         config->core.of == KP_OF_TEACHER ? "teacher" : "run", c->kappa);
            return KP_E_CONFIG;
        }
        for (int64_t i = 0; st == KP_OK && i < count; i++)
            st = plan_one(p, cell, cells, config, kappas[i]);
    }
    return st == KP_OK ? plan_one(p, cell, cells, config, 0) : st;
}

enum kp_status kp_plan_analyses(struct kp_planning *p)
{
    int64_t cells = p->plan->count;
    enum kp_status st = KP_OK;

    for (int64_t i = 0; st == KP_OK && i < cells; i++) {
        struct kp_config *c = p->plan->runs[i].config;

        for (int64_t k = 0; p->plan->runs[i].cell && st == KP_OK && k < c->analysis_count; k++) {
            const struct kp_analysis_config *config = &c->analyses[k];
            if (config->core.of == KP_OF_NONE)
                continue;
            st =
                config->core.query[0] ? plan_query(p, config, c) : plan_points(p, i, cells, config);
        }
    }
    return st;
}
