/* op_fixture.c - reads operation fixtures. */
#include "op_fixture.h"

#include <stdlib.h>
#include <string.h>

#define LINE_SIZE      256
#define ELEMENTS_LIMIT 1000000

struct reader {
    FILE *file;
    const char *path;
    struct kp_error *e;
    char line[LINE_SIZE];
    char *rest; /* of the line, after the words already taken */
};

static enum kp_status wrong(struct reader *r, const char *what)
{
    return kp_fail(r->e, KP_E_FORMAT, "%s: offset %ld: %s", r->path, ftell(r->file), what);
}

static const char *word(struct reader *r)
{
    char *found = strtok_r(NULL, " \n", &r->rest);
    return found ? found : "";
}

static const char *first_word(struct reader *r)
{
    char *found = strtok_r(r->line, " \n", &r->rest);
    return found ? found : "";
}

/* A number in [low, high]; low - 1 for anything else. */
static int64_t integer(struct reader *r, int64_t low, int64_t high)
{
    const char *text = word(r);
    char *end;
    long long value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && value >= low && value <= high ? value : low - 1;
}

static double real(struct reader *r)
{
    return strtod(word(r), NULL);
}

/* Index in a list that ends with NULL; -1 if absent. */
static int among(const char *text, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return -1;
}

static struct kp_window read_window(struct reader *r)
{
    struct kp_window w;
    for (int i = 0; i < 2; i++)
        w.size[i] = (int64_t)real(r);
    for (int i = 0; i < 2; i++)
        w.stride[i] = (int64_t)real(r);
    for (int i = 0; i < 2; i++)
        w.pad[i] = (int64_t)real(r);
    return w;
}

/* Where the number of an attribute goes; NULL for one that is no plain number. */
static double *attr_number(struct op_fixture *f, const char *name)
{
    const struct {
        const char *name;
        double *to;
    } table[] = {
        {"factor", &f->attrs.factor},
        {"eps", &f->attrs.eps},
        {"momentum", &f->attrs.momentum},
        {"weight_decay", &f->attrs.weight_decay},
        {"on", &f->attrs.on},
        {"off", &f->attrs.off},
        {"beta1", &f->attrs.beta1},
        {"beta2", &f->attrs.beta2},
        {"lr", &f->lr},
        {"clip_norm", &f->attrs.clip_norm},
        {"step", &f->step},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].to;
    return NULL;
}

static bool *attr_flag(struct op_fixture *f, const char *name)
{
    const struct {
        const char *name;
        bool *to;
    } table[] = {
        {"act", &f->attrs.act},
        {"pool", &f->attrs.pool},
        {"nesterov", &f->attrs.nesterov},
        {"causal", &f->attrs.causal},
        {"decoupled", &f->attrs.decoupled},
        {"approximate", &f->attrs.approximate},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].to;
    return NULL;
}

static enum kp_status read_attr(struct reader *r, struct op_fixture *f)
{
    const char *name = word(r);
    double *number = attr_number(f, name);
    bool *flag = attr_flag(f, name);
    if (number)
        *number = real(r);
    else if (flag)
        *flag = real(r) != 0;
    else if (strcmp(name, "window") == 0)
        f->attrs.window = read_window(r);
    else if (strcmp(name, "heads") == 0)
        f->attrs.heads = (int64_t)real(r);
    else if (strcmp(name, "index") == 0)
        f->attrs.index = (int64_t)real(r);
    else
        return wrong(r, "unknown attribute");
    return KP_OK;
}

static enum kp_status read_array_line(struct reader *r, enum op_array_use use, struct op_fixture *f)
{
    static const char *const places[] = {"batch", "fixed", "param", "buffer",
                                         "grad",  "slot",  "slot2", NULL};
    struct op_array a = {.use = use};
    if (f->array_count == OP_ARRAYS)
        return wrong(r, "too many arrays");
    a.index = (int)integer(r, 0, use == ARRAY_OUT ? KP_NODE_OUT - 1 : KP_NODE_IN - 1);
    int place = among(word(r), places);
    if (a.index < 0 || place < 0)
        return wrong(r, "an array's index or place is wrong");
    a.place = (enum op_array_place)place;
    if (use == ARRAY_IN) {
        a.dtype = strcmp(word(r), "i32") == 0 ? KP_I32 : KP_F32;
    } else {
        a.terms = real(r);
        a.floor = real(r);
    }
    a.shape.n = (int32_t)integer(r, 0, KP_MAX_DIMS);
    for (int32_t i = 0; i < a.shape.n; i++) {
        a.shape.dim[i] = integer(r, 1, ELEMENTS_LIMIT);
        if (a.shape.dim[i] < 1 || kp_shape_count(a.shape) > ELEMENTS_LIMIT)
            return wrong(r, "an array's shape is wrong");
    }
    if (a.shape.n < 0)
        return wrong(r, "an array's shape is wrong");
    f->arrays[f->array_count++] = a;
    return KP_OK;
}

static enum kp_status read_node(struct reader *r, struct op_fixture *f)
{
    const char *name = word(r);
    for (int op = 0; op < KP_OP_COUNT; op++)
        if (strcmp(name, kp_op_name((enum kp_op)op)) == 0) {
            f->op = (enum kp_op)op;
            return KP_OK;
        }
    return wrong(r, "unknown operation");
}

static enum kp_status read_data(struct reader *r, struct op_array *a)
{
    int64_t count = kp_shape_count(a->shape);
    a->data = calloc((size_t)count, sizeof(*a->data));
    if (!a->data)
        return kp_fail(r->e, KP_E_NOMEM, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        int32_t label = 0;
        size_t read = a->dtype == KP_I32 ? fread(&label, sizeof(label), 1, r->file)
                                         : fread(&a->data[i], sizeof(*a->data), 1, r->file);
        if (read != 1)
            return wrong(r, "the file ends inside an array");
        if (a->dtype == KP_I32)
            a->data[i] = label;
    }
    return KP_OK;
}

/* Lines up to "data". */
static enum kp_status read_head(struct reader *r, struct op_fixture *f)
{
    static const char *const keys[] = {"in", "out", "after", "attr", "node", "data", NULL};
    enum kp_status st = KP_OK;
    while (st == KP_OK) {
        if (!fgets(r->line, LINE_SIZE, r->file))
            return wrong(r, "the file ends before 'data'");
        int key = among(first_word(r), keys);
        if (key < 0)
            return wrong(r, "unknown line, must be in, out, after, attr, node or data");
        if (key == 5)
            return KP_OK;
        if (key == 4)
            st = read_node(r, f);
        else if (key == 3)
            st = read_attr(r, f);
        else
            st = read_array_line(r, (enum op_array_use)key, f);
    }
    return st;
}

enum kp_status op_fixture_read(FILE *file, const char *path, struct op_fixture *out, bool *more,
                               struct kp_error *e)
{
    struct reader r = {.file = file, .path = path, .e = e};
    struct op_fixture f = {.op = KP_OP_COUNT};
    if (!fgets(r.line, LINE_SIZE, file)) {
        *more = false;
        return KP_OK;
    }
    if (strcmp(first_word(&r), "case") != 0)
        return wrong(&r, "a case must begin with 'case NAME'");
    (void)snprintf(f.name, sizeof(f.name), "%s", word(&r));
    enum kp_status st = read_head(&r, &f);
    if (st == KP_OK && f.op == KP_OP_COUNT)
        st = wrong(&r, "the case has no node");
    for (int i = 0; st == KP_OK && i < f.array_count; i++)
        st = read_data(&r, &f.arrays[i]);
    if (st != KP_OK) {
        op_fixture_finish(&f);
        return st;
    }
    *out = f;
    *more = true;
    return KP_OK;
}

void op_fixture_finish(struct op_fixture *f)
{
    for (int i = 0; i < f->array_count; i++)
        free(f->arrays[i].data);
    memset(f, 0, sizeof(*f));
}
