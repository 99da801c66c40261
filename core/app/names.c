/* names.c - finds runs that are known under another name than the experiment gives them. */
#include "app/names.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_other_name(const struct kp_planned *r)
{
    char mine[KP_RUN_NAME_SIZE];

    if (r->analysis || r->state != KP_PLANNED_DONE || !*r->config->core.run.name)
        return false;
    (void)snprintf(mine, sizeof(mine), "%s", r->config->core.run.name);
    return strcmp(mine, r->known_as) != 0;
}

char *kp_names_other(const struct kp_plan *p, const char *database)
{
    const struct kp_planned *first = NULL;
    struct kp_text line = {0};
    int64_t count = 0, names = 1;

    for (int64_t i = 0; i < p->count; i++) {
        const struct kp_planned *r = &p->runs[i];

        if (!has_other_name(r))
            continue;
        count++;
        if (!first)
            first = r;
        else if (strcmp(r->known_as, first->known_as) != 0)
            names = 2;
    }
    if (count == 0)
        return NULL;
    kp_text_addf(&line, "%lld of these runs %s in %s under another name than '%s' (",
                 (long long)count, count == 1 ? "is" : "are", database,
                 first->config->core.run.name);
    if (*first->known_as)
        kp_text_addf(&line, "'%s'", first->known_as);
    else
        kp_text_add(&line, "none");
    kp_text_addf(&line,
                 "%s) and keep%s it; all of this experiment: WHERE uid IN (SELECT uid FROM "
                 "v_experiment WHERE experiment = '%s')",
                 names > 1 ? " and others" : "", count == 1 ? "s" : "", p->path);
    return line.s;
}
