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

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void kp_option_values_fill_in(const struct kp_option_values *v, const char *formula,
                              struct kp_text *out)
{
    while (*formula) {
        const char *value = NULL;
        size_t n = 0;

        while (is_word(formula[n]))
            n++;
        for (uint32_t i = 0; n > 0 && !value && i < v->options->count; i++) {
            const char *name = kp_option_at(v->options, i)->name;
            if (strlen(name) == n && strncmp(formula, name, n) == 0)
                value = v->value[i];
        }
        if (n == 0)
            n = 1;
        if (value)
            kp_text_add(out, value);
        else
            kp_text_add_bytes(out, formula, n);
        formula += n;
    }
}
