/* verify.c - is a plugin's manifest well-formed? */
#include "host/verify.h"

#include "host/options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX_LENGTH = 32, /* "objective." and two names fit the INI parser's 49 characters */
    STRUCT_MAX = 4096,    /* bytes of a definition or an option */
    LIST_MAX = 256,       /* definitions, options or values in a list */
    SUMS_MAX = 65536,
    SELF_MAX = 1 << 20,
};

/* Sizes at ABI 1.0: what every plugin of this major has at least. */
#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#define PLUGIN_MIN          END_OF(struct kp_plugin, metrics)
#define OPTION_MIN          END_OF(struct kp_option, doc)
#define MODEL_MIN           END_OF(struct kp_model_def, forward)
#define OBJECTIVE_MIN       END_OF(struct kp_objective_def, loss)
#define ROW_LOSS_MIN        END_OF(struct kp_row_loss, image)
#define METRIC_MIN          END_OF(struct kp_metric_def, result)
#define OP_MIN              END_OF(struct kp_op_def, backward_double)
#define OPERAND_MIN         END_OF(struct kp_operand, constant)
#define DATASET_MIN         END_OF(struct kp_dataset_def, close)
#define VALUE_MIN           END_OF(struct kp_metric_value, doc)
#define ANALYSER_MIN        END_OF(struct kp_analyser, analyse)

enum kp_status kp_verify_abi(const struct kp_abi *abi, const char *path, struct kp_error *e)
{
    if (abi->magic != KP_ABI_MAGIC)
        return kp_fail(e, KP_E_ABI,
                       "%s: its manifest begins with 0x%08x where 0x%08x should be; start the "
                       "manifest with .abi = KP_ABI and rebuild it",
                       path, (unsigned)abi->magic, (unsigned)KP_ABI_MAGIC);
    if (abi->major != KP_ABI_MAJOR)
        return kp_fail(e, KP_E_ABI,
                       "%s: built for plugin ABI %u.%u, this kappa has %u.%u: rebuild it", path,
                       (unsigned)abi->major, (unsigned)abi->minor, (unsigned)KP_ABI_MAJOR,
                       (unsigned)KP_ABI_MINOR);
    if (abi->minor > KP_ABI_MINOR)
        return kp_fail(e, KP_E_ABI,
                       "%s: built for plugin ABI %u.%u, this kappa has %u.%u: rebuild it with the "
                       "headers of this kappa, or use a newer kappa",
                       path, (unsigned)abi->major, (unsigned)abi->minor, (unsigned)KP_ABI_MAJOR,
                       (unsigned)KP_ABI_MINOR);
    if (abi->pointer_size != sizeof(void *))
        return kp_fail(e, KP_E_ABI,
                       "%s: built with pointers of %u bytes, this kappa has %zu: rebuild it", path,
                       (unsigned)abi->pointer_size, sizeof(void *));
    if (abi->size < PLUGIN_MIN || abi->size > STRUCT_MAX)
        return kp_fail(e, KP_E_ABI,
                       "%s: a manifest of %u bytes, plugin ABI %u.%u has %zu: rebuild it", path,
                       (unsigned)abi->size, (unsigned)abi->major, (unsigned)abi->minor,
                       sizeof(struct kp_plugin));
    return KP_OK;
}

static bool good_name(const char *name)
{
    size_t n = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    return n > 0 && n <= NAME_MAX_LENGTH && name[n] == '\0';
}

/* Where a message says it was. */
struct place {
    const char *path;
    const char *kind;
    const char *name;
};

static enum kp_status bad(const struct place *p, struct kp_error *e, const char *what)
{
    return kp_fail(e, KP_E_FORMAT, "%s: %s '%.40s': %s", p->path, p->kind, p->name, what);
}

static enum kp_status bad_option(const struct place *p, const char *option, struct kp_error *e,
                                 const char *what)
{
    return kp_fail(e, KP_E_FORMAT, "%s: %s '%.40s': option '%.40s': %s", p->path, p->kind, p->name,
                   option, what);
}

/* Size and alignment of the field that an option fills; 0 for a type that is not known. */
static size_t field_size(enum kp_option_type type, size_t *alignment)
{
#define FIELD(T) (*alignment = _Alignof(T), sizeof(T))
    switch (type) {
    case KP_OPT_INT:
        return FIELD(int64_t);
    case KP_OPT_REAL:
        return FIELD(double);
    case KP_OPT_BOOL:
        return FIELD(bool);
    case KP_OPT_STRING:
        return FIELD(const char *);
    case KP_OPT_ENUM:
        return FIELD(int);
    case KP_OPT_INTS:
        return FIELD(struct kp_ints);
    case KP_OPT_REALS:
        return FIELD(struct kp_reals);
    }
#undef FIELD
    return 0;
}

static bool good_words(const char *const *words)
{
    int n = 0;

    if (!words)
        return false;
    for (; words[n]; n++) {
        if (n >= LIST_MAX || !*words[n] || strpbrk(words[n], " \t\r\n,;"))
            return false;
        for (int i = 0; i < n; i++)
            if (strcmp(words[i], words[n]) == 0)
                return false;
    }
    return n > 0;
}

static enum kp_status verify_default(const struct place *p, const struct kp_option *o,
                                     struct kp_error *e)
{
    struct kp_arena memory = {0};
    struct kp_error why = {0};
    const char *canonical;
    enum kp_status st = KP_OK;

    if (o->fallback && kp_option_check(o, o->fallback, &memory, &canonical, &why) != KP_OK)
        st = kp_fail(e, KP_E_FORMAT, "%s: %s '%.40s': option '%.40s': its default: %s", p->path,
                     p->kind, p->name, o->name, why.text);
    kp_arena_finish(&memory);
    return st;
}

static enum kp_status verify_option(const struct place *p, const struct kp_option_table *t,
                                    uint32_t number, size_t self_size, struct kp_error *e)
{
    const struct kp_option *o = kp_option_at(t, number);
    size_t alignment = 1;
    size_t size = field_size(o->type, &alignment);

    if (!good_name(o->name))
        return kp_fail(e, KP_E_FORMAT,
                       "%s: %s '%.40s': option %u has a bad name; 1 to %d of a-z 0-9 _", p->path,
                       p->kind, p->name, (unsigned)number, (int)NAME_MAX_LENGTH);
    if (size == 0)
        return bad_option(p, o->name, e, "its type is not known; use the KP_ macros of option.h");
    if (!o->doc)
        return bad_option(p, o->name, e, "it has no doc; say in a line what it is");
    if (o->offset > self_size || size > self_size - o->offset || o->offset % alignment != 0)
        return bad_option(p, o->name, e,
                          "its field is outside the state struct; use the KP_ macros of option.h");
    if (!(o->min <= o->max))
        return bad_option(p, o->name, e, "its minimum is above its maximum");
    if (o->type == KP_OPT_ENUM && !good_words(o->words))
        return bad_option(p, o->name, e,
                          "its words; at least one, each different, without blanks, NULL last");
    for (uint32_t i = 0; i < number; i++) {
        const struct kp_option *other = kp_option_at(t, i);
        size_t other_size = field_size(other->type, &alignment);

        if (strcmp(other->name, o->name) == 0)
            return bad_option(p, o->name, e, "the name is there twice");
        if (o->offset < other->offset + other_size && other->offset < o->offset + size)
            return bad_option(p, o->name, e, "it fills the same field as an option before it");
    }
    return verify_default(p, o, e);
}

static enum kp_status verify_options(const struct place *p, const struct kp_option_table *t,
                                     size_t self_size, struct kp_error *e)
{
    if (self_size > SELF_MAX)
        return bad(p, e, "its state struct is larger than 1 MiB; allocate in build()");
    if (t->count == 0)
        return KP_OK;
    if (!t->v || t->count > LIST_MAX)
        return bad(p, e, "its option table is not one; use KP_OPTIONS(array)");
    if (t->size < OPTION_MIN || t->size > STRUCT_MAX || t->size % _Alignof(struct kp_option) != 0)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: %s '%.40s': options of %u bytes each, at least %zu: rebuild it",
                       p->path, p->kind, p->name, (unsigned)t->size, OPTION_MIN);
    for (uint32_t i = 0; i < t->count; i++) {
        enum kp_status st = verify_option(p, t, i, self_size, e);
        if (st != KP_OK)
            return st;
    }
    return KP_OK;
}

/* What every definition has, whatever its kind. */
static enum kp_status verify_head(struct place *p, size_t size, size_t least, size_t ours,
                                  const char *name, const char *doc, struct kp_error *e)
{
    p->name = "?";
    /* The plugin's minor is not above ours, so neither are its structs. */
    if (size < least || size > ours)
        return kp_fail(e, KP_E_FORMAT,
                       "%s: a %s definition of %zu bytes, not %zu to %zu: set .size = sizeof(...)",
                       p->path, p->kind, size, least, ours);
    if (!good_name(name))
        return kp_fail(e, KP_E_FORMAT, "%s: a %s has a bad name; 1 to %d of a-z 0-9 _", p->path,
                       p->kind, (int)NAME_MAX_LENGTH);
    p->name = name;
    if (!doc)
        return bad(p, e, "it has no doc; say in a sentence what it is");
    return KP_OK;
}

static enum kp_status verify_model(const struct kp_model_def *d, const char *path,
                                   struct kp_error *e)
{
    struct place p = {path, "model", NULL};
    enum kp_status st = verify_head(&p, d->size, MODEL_MIN, sizeof(*d), d->name, d->doc, e);

    if (st != KP_OK)
        return st;
    if (!d->build || !d->forward)
        return bad(&p, e, "build or forward is missing");
    return verify_options(&p, &d->options, d->self_size, e);
}

static enum kp_status verify_objective(const struct kp_objective_def *d, const char *path,
                                       struct kp_error *e)
{
    struct place p = {path, "objective", NULL};
    enum kp_status st = verify_head(&p, d->size, OBJECTIVE_MIN, sizeof(*d), d->name, d->doc, e);

    if (st != KP_OK)
        return st;
    if (!d->formula)
        return bad(&p, e, "it has no formula; write the loss of one row");
    if (d->needs & ~(uint32_t)KP_NEED_TEACHER_LOGITS)
        return bad(&p, e, "it needs what this kappa does not give; use a newer kappa");
    const struct kp_row_loss *row = kp_objective_row(d);
    if (!d->loss == !row)
        return bad(&p, e, "it has no loss, or two: give .loss or .row");
    if (row &&
        (row->size < ROW_LOSS_MIN || row->size > STRUCT_MAX || !row->in_float || !row->in_double))
        return bad(&p, e, "its row function is not one; make it with KP_ROW_LOSS");
    return verify_options(&p, &d->options, d->self_size, e);
}

static const struct kp_metric_value *value_at(const struct kp_metric_value *v, uint32_t size,
                                              uint32_t i)
{
    return (const void *)((const char *)v + (size_t)i * size);
}

static enum kp_status verify_values(const struct place *p, const struct kp_metric_value *values,
                                    uint32_t count, uint32_t size, struct kp_error *e)
{
    if (!values || count == 0 || count > LIST_MAX || size < VALUE_MIN || size > STRUCT_MAX ||
        size % _Alignof(struct kp_metric_value) != 0)
        return bad(p, e, "its values; 1 to 256, with .value_size = sizeof(struct kp_metric_value)");
    for (uint32_t i = 0; i < count; i++) {
        const struct kp_metric_value *v = value_at(values, size, i);
        if (!good_name(v->name) || !v->unit || !v->doc)
            return bad(p, e, "a value without a good name (a-z 0-9 _), unit or doc");
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(value_at(values, size, j)->name, v->name) == 0)
                return bad(p, e, "two values of one name");
    }
    return KP_OK;
}

static enum kp_status verify_analyser(const struct place *p, const struct kp_analyser *a,
                                      struct kp_error *e)
{
    const uint32_t known = KP_ANALYSIS_READS_ROWS | KP_ANALYSIS_READS_GRADS |
                           KP_ANALYSIS_NEEDS_PAIRS | KP_ANALYSIS_REFUSES_PAIRS;

    if (a->size < ANALYSER_MIN || a->size > STRUCT_MAX)
        return bad(p, e, "its analyser is too short: set .size = sizeof(struct kp_analyser)");
    if (!a->analyse)
        return bad(p, e, "analyse is missing");
    if ((a->needs & ~known) || a->scope < KP_SCOPE_EACH || a->scope > KP_SCOPE_ALL)
        return bad(p, e, "its analyser needs what this kappa does not give; use a newer kappa");
    return verify_values(p, a->values, a->value_count, a->value_size, e);
}

static enum kp_status verify_metric(const struct kp_metric_def *d, const char *path,
                                    struct kp_error *e)
{
    struct place p = {path, "metric", NULL};
    enum kp_status st = verify_head(&p, d->size, METRIC_MIN, sizeof(*d), d->name, d->doc, e);

    if (st != KP_OK)
        return st;
    if (!d->observe != !d->result || (!d->observe && !kp_metric_analyser(d)))
        return bad(&p, e, "observe or result is missing");
    if (d->needs & ~(uint32_t)KP_METRIC_NEEDS_TEACHER)
        return bad(&p, e, "it needs what this kappa does not give; use a newer kappa");
    if (d->sum_count > SUMS_MAX)
        return bad(&p, e, "more than 65536 sums");
    if (d->observe)
        st = verify_values(&p, d->values, d->value_count, d->value_size, e);
    if (st == KP_OK && kp_metric_analyser(d))
        st = verify_analyser(&p, kp_metric_analyser(d), e);
    return st == KP_OK ? verify_options(&p, &d->options, d->self_size, e) : st;
}

static enum kp_status verify_operands(const struct place *p, const struct kp_op_def *d,
                                      struct kp_error *e)
{
    bool batched = false, constant = true, flat = false, simple = d->kept_count == 0;

    if (!d->operands || d->operand_count < 1 || d->operand_count > KP_OP_OPERANDS ||
        d->operand_size < OPERAND_MIN || d->operand_size > STRUCT_MAX ||
        d->operand_size % _Alignof(struct kp_operand) != 0)
        return bad(p, e, "its operands; 1 to 4, with .operand_size = sizeof(struct kp_operand)");
    for (uint32_t i = 0; i < d->operand_count; i++) {
        const struct kp_operand *o = kp_op_operand(d, i);
        if (!good_name(o->name) || o->form > KP_SHARED)
            return bad(p, e, "an operand without a good name (a-z 0-9 _) or a form of op.h");
        batched |= o->form != KP_SHARED;
        flat |= o->form == KP_FLAT;
        constant &= o->constant;
        simple &= o->form == KP_FLAT;
    }
    if (!batched)
        return bad(p, e, "all operands are SHARED; one must have a batch dimension");
    if (d->result > KP_CANONICAL || (d->result == KP_FLAT && !flat))
        return bad(p, e, "its result; ROWS, CANONICAL, or FLAT where an operand is FLAT");
    if (d->kept_count > KP_OP_KEPT)
        return bad(p, e, "it keeps more than 2 values");
    for (uint32_t i = 0; i < d->kept_count; i++)
        if (d->kept[i] != KP_ROWS && d->kept[i] != KP_CANONICAL)
            return bad(p, e, "what it keeps; ROWS or CANONICAL");
    if (!d->shape && !(simple && d->result == KP_FLAT))
        return bad(p, e, "shape is missing; only where all is FLAT it may be");
    if (!constant && (!d->backward_float || !d->backward_double))
        return bad(p, e, "backward_float or backward_double is missing, or .constant of operands");
    return KP_OK;
}

static enum kp_status verify_op(const struct kp_op_def *d, const char *path, struct kp_error *e)
{
    const uint32_t known =
        KP_OP_NEEDS_IN0 | KP_OP_NEEDS_IN1 | KP_OP_NEEDS_IN2 | KP_OP_NEEDS_IN3 | KP_OP_NEEDS_RESULT;
    struct place p = {path, "op", NULL};
    enum kp_status st = verify_head(&p, d->size, OP_MIN, sizeof(*d), d->name, d->doc, e);

    if (st != KP_OK)
        return st;
    if (!d->formula)
        return bad(&p, e, "it has no formula; write y of the operands");
    if (!d->forward_float || !d->forward_double)
        return bad(&p, e, "forward_float or forward_double is missing");
    if (d->needs & ~known)
        return bad(&p, e, "backward needs what this kappa does not give; use a newer kappa");
    st = verify_operands(&p, d, e);
    return st == KP_OK ? verify_options(&p, &d->options, d->self_size, e) : st;
}

static enum kp_status verify_dataset(const struct kp_dataset_def *d, const char *path,
                                     struct kp_error *e)
{
    struct place p = {path, "dataset", NULL};
    enum kp_status st = verify_head(&p, d->size, DATASET_MIN, sizeof(*d), d->name, d->doc, e);

    if (st != KP_OK)
        return st;
    if (!d->version || !*d->version)
        return bad(&p, e, "it has no version; it is part of a run's hash");
    if (!d->open || !d->read)
        return bad(&p, e, "open or read is missing");
    return verify_options(&p, &d->options, d->self_size, e);
}

static enum kp_status too_many(const char *path, const char *kind, struct kp_error *e)
{
    return kp_fail(e, KP_E_FORMAT, "%s: more than %d %s definitions; the list ends with NULL", path,
                   (int)LIST_MAX, kind);
}

enum kp_status kp_verify_plugin(const struct kp_plugin *p, const char *path, struct kp_error *e)
{
    enum kp_status st = KP_OK;

    if (!good_name(p->name))
        return kp_fail(e, KP_E_FORMAT, "%s: the plugin has a bad name; 1 to %d of a-z 0-9 _", path,
                       (int)NAME_MAX_LENGTH);
    if (!p->version)
        return kp_fail(e, KP_E_FORMAT, "%s: the plugin has no version; any text", path);
    for (int i = 0; p->models && p->models[i] && st == KP_OK; i++)
        st = i < LIST_MAX ? verify_model(p->models[i], path, e) : too_many(path, "model", e);
    for (int i = 0; p->objectives && p->objectives[i] && st == KP_OK; i++)
        st = i < LIST_MAX ? verify_objective(p->objectives[i], path, e)
                          : too_many(path, "objective", e);
    for (int i = 0; p->metrics && p->metrics[i] && st == KP_OK; i++)
        st = i < LIST_MAX ? verify_metric(p->metrics[i], path, e) : too_many(path, "metric", e);
    for (int i = 0; kp_plugin_ops(p) && kp_plugin_ops(p)[i] && st == KP_OK; i++)
        st = i < LIST_MAX ? verify_op(kp_plugin_ops(p)[i], path, e) : too_many(path, "op", e);
    for (int i = 0; kp_plugin_datasets(p) && kp_plugin_datasets(p)[i] && st == KP_OK; i++)
        st = i < LIST_MAX ? verify_dataset(kp_plugin_datasets(p)[i], path, e)
                          : too_many(path, "dataset", e);
    return st;
}
