/* option_text.c - an option table with the values in force, for people. */
#include "app/option_text.h"

#include <stdio.h>
#include <string.h>

bool kp_option_values_init(struct kp_option_values *v, const struct kp_option_table *options,
                           struct kp_arena *memory)
{
    *v = (struct kp_option_values){.options = options, .memory = memory};
    v->value = kp_arena_new(memory, const char *, options->count + 1);
    if (!v->value)
        return false;
    for (uint32_t i = 0; i < options->count; i++)
        v->value[i] = kp_option_at(options, i)->fallback;
    return true;
}

enum kp_status kp_option_values_set(struct kp_option_values *v, const char *text,
                                    struct kp_error *e)
{
    size_t n = strcspn(text, "=");
    const char *near;
    char key[128];

    if (n >= sizeof(key) || text[n] != '=')
        return kp_fail(e, KP_E_INVALID, "not understood; section.key=value");
    memcpy(key, text, n);
    key[n] = '\0';
    for (uint32_t i = 0; i < v->options->count; i++) {
        const struct kp_option *o = kp_option_at(v->options, i);
        if (strcmp(o->name, key) == 0)
            return kp_option_check(o, text + n + 1, v->memory, &v->value[i], e);
    }
    near = kp_option_nearest(v->options, key);
    if (near)
        return kp_fail(e, KP_E_INVALID, "no option '%s'; did you mean '%s'?", key, near);
    return kp_fail(e, KP_E_INVALID, "no option '%s'; 'kappa info' lists them", key);
}

void kp_option_values_print(const struct kp_option_values *v)
{
    int name_width = 0, value_width = 0, type_width = 0;
    char type[256];

    /* A long value or type does not push all others to the right. */
    enum { MOST = 60 };
    for (uint32_t i = 0; i < v->options->count; i++) {
        const struct kp_option *o = kp_option_at(v->options, i);
        int name = (int)strlen(o->name);
        int value = (int)strlen(v->value[i] ? v->value[i] : "");
        int described;

        kp_option_describe(o, type, sizeof(type));
        described = (int)strlen(type);
        name_width = name > name_width ? name : name_width;
        value_width = value > value_width && value <= MOST ? value : value_width;
        type_width = described > type_width && described <= MOST ? described : type_width;
    }
    for (uint32_t i = 0; i < v->options->count; i++) {
        const struct kp_option *o = kp_option_at(v->options, i);

        kp_option_describe(o, type, sizeof(type));
        (void)printf("%-*s = %-*s  ; %-*s  %s%s\n", name_width, o->name, value_width,
                     v->value[i] ? v->value[i] : "", type_width, type, o->doc,
                     v->value[i] ? "" : " (must be given)");
    }
}

/* The value of the option whose name is the first n characters; NULL if there is none. */
static const char *value_of(const struct kp_option_values *v, const char *name, size_t n)
{
    for (uint32_t i = 0; i < v->options->count; i++) {
        const char *known = kp_option_at(v->options, i)->name;
        if (strlen(known) == n && strncmp(name, known, n) == 0)
            return v->value[i];
    }
    return NULL;
}

/* Characters before the first `stop` that is in no ${...}, n if there is none. */
static size_t before(const char *s, size_t n, char stop)
{
    int depth = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] == stop && depth == 0)
            return i;
        if (s[i] == '$' && i + 1 < n && s[i + 1] == '{')
            depth++;
        else if (s[i] == '}')
            depth--;
    }
    return n;
}

static void fill_in(const struct kp_option_values *v, const char *s, size_t n, bool names,
                    struct kp_text *out, int depth);

/* "word:text;word:text;*:text": the text that belongs to the value. */
static void fill_in_choice(const struct kp_option_values *v, const char *s, size_t n,
                           const char *value, bool names, struct kp_text *out, int depth)
{
    while (n > 0) {
        const size_t part = before(s, n, ';'), word = before(s, part, ':');
        const bool any = word == 1 && s[0] == '*';

        if (word < part && (any || (strlen(value) == word && strncmp(s, value, word) == 0))) {
            fill_in(v, s + word + 1, part - word - 1, names, out, depth + 1);
            return;
        }
        if (part == n)
            return;
        s += part + 1;
        n -= part + 1;
    }
}

static void fill_in(const struct kp_option_values *v, const char *s, size_t n, bool names,
                    struct kp_text *out, int depth)
{
    enum { DEEPEST = 8 };

    while (n > 0) {
        const bool opens = n > 2 && s[0] == '$' && s[1] == '{' && depth < DEEPEST;
        const size_t inside = opens ? before(s + 2, n - 2, '}') : 0;
        const size_t name = before(s + 2, inside, '?');
        const char *value = opens && inside < n - 2 ? value_of(v, s + 2, name) : NULL;
        const size_t all = value ? inside + 3 : 1;

        if (!value)
            kp_text_add_bytes(out, s, 1);
        else if (name < inside)
            fill_in_choice(v, s + 2 + name + 1, inside - name - 1, value, names, out, depth);
        else if (names)
            kp_text_add_bytes(out, s + 2, name);
        else
            kp_text_add(out, value);
        s += all;
        n -= all;
    }
}

void kp_option_values_fill_in(const struct kp_option_values *v, const char *formula, bool names,
                              struct kp_text *out)
{
    fill_in(v, formula, strlen(formula), names, out, 0);
}
