/* interpolate.c - ${section.key} and ${env:NAME} in values. */
#include "config/interpolate.h"

#include "config/cell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 200, RESULT_MAX = 65536 };

static enum kp_status add_env(const char *name, bool leave, struct kp_text *out,
                              struct kp_error *why)
{
    const char *value = getenv(name);

    if (!*name)
        return kp_fail(why, KP_E_CONFIG, "${env:} without a name; ${env:NAME}");
    if (!value && leave) {
        kp_text_addf(out, "${env:%s}", name);
        return KP_OK;
    }
    if (!value)
        return kp_fail(why, KP_E_CONFIG,
                       "the environment variable %s is not set; set it, or write the value in its "
                       "place",
                       name);
    if (strlen(value) > RESULT_MAX)
        return kp_fail(why, KP_E_CONFIG, "the environment variable %s has more than %d characters",
                       name, (int)RESULT_MAX);
    kp_text_add(out, value);
    return KP_OK;
}

static enum kp_status add_key(const struct kp_cell *cell, const char *key, struct kp_text *out,
                              struct kp_error *why)
{
    struct kp_known known;
    struct kp_raw raw;

    if (!cell)
        return kp_fail(why, KP_E_CONFIG, "'${%s}': only ${env:NAME} is known here", key);
    if (!kp_schema_find(cell->registry, key, &known)) {
        struct kp_text text = {0};
        kp_schema_explain(cell->registry, key, &text);
        (void)kp_fail(why, KP_E_CONFIG, "'${%s}': %s", key, text.s ? text.s : "unknown key");
        kp_text_finish(&text);
        return why->status;
    }
    if (!kp_cell_raw(cell, key, known.option, &raw))
        return kp_fail(why, KP_E_CONFIG, "'${%s}': the key has no value; set it", key);
    if (strstr(raw.text, "${"))
        return kp_fail(why, KP_E_CONFIG,
                       "'${%s}': the value of that key holds ${...} itself; write it out", key);
    kp_text_add(out, raw.text);
    return KP_OK;
}

enum kp_status kp_interpolate(const struct kp_cell *cell, const char *text, bool leave,
                              struct kp_text *out, struct kp_error *why)
{
    const char *open;

    while ((open = strstr(text, "${")) != NULL) {
        const char *close = strchr(open, '}');
        char name[NAME_SIZE];
        enum kp_status st;

        kp_text_add_bytes(out, text, (size_t)(open - text));
        if (!close || close - open - 2 >= NAME_SIZE)
            return kp_fail(why, KP_E_CONFIG, "'${' without its '}'; ${section.key} or ${env:NAME}");
        (void)snprintf(name, sizeof(name), "%.*s", (int)(close - open - 2), open + 2);
        st = strncmp(name, "env:", 4) == 0 ? add_env(name + 4, leave, out, why)
                                           : add_key(cell, name, out, why);
        if (st != KP_OK)
            return st;
        if (out->length > RESULT_MAX)
            return kp_fail(why, KP_E_CONFIG, "more than %d characters once ${...} is replaced",
                           (int)RESULT_MAX);
        text = close + 1;
    }
    kp_text_add(out, text);
    return out->failed ? kp_fail(why, KP_E_NOMEM, "out of memory") : KP_OK;
}
