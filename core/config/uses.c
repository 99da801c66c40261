/* uses.c - options of the core that only some choices of another option use. */
#include "config/uses.h"

#include "host/options.h"

#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 160 };

static const struct kp_section *section_of(const char *name)
{
    for (int i = 0; i < kp_section_count; i++)
        if (strcmp(kp_sections[i].name, name) == 0)
            return &kp_sections[i];
    return NULL;
}

static const struct kp_option_use *use_of(const struct kp_section *s, const char *option)
{
    for (int i = 0; s && i < s->use_count; i++)
        if (strcmp(s->uses[i].option, option) == 0)
            return &s->uses[i];
    return NULL;
}

/* The settings are not sorted yet. */
static const char *text_of(const struct kp_config *c, const char *key)
{
    for (int64_t i = 0; i < c->count; i++)
        if (strcmp(c->settings[i].key, key) == 0)
            return c->settings[i].text;
    return NULL;
}

static bool suits(const struct kp_option_use *use, const struct kp_option *choice, const char *word)
{
    for (int i = 0; choice->words[i]; i++)
        if (strcmp(choice->words[i], word) == 0)
            return use->words >> i & 1;
    return false;
}

/* "adam and adamw", "cosine_epoch, cosine and multistep" */
static void owners(const struct kp_option_use *use, const struct kp_option *choice,
                   struct kp_text *out)
{
    int left = 0;

    for (int i = 0; choice->words[i]; i++)
        left += use->words >> i & 1;
    for (int i = 0; choice->words[i]; i++)
        if (use->words >> i & 1) {
            left--;
            kp_text_addf(out, "%s%s", choice->words[i], left > 1 ? ", " : left ? " and " : "");
        }
}

/* Was the choice made after the option was written, in another file or on the command line, or is
 * it different from cell to cell? */
static bool is_replaced(const struct kp_cell *cell, const char *choice, const char *key)
{
    const struct kp_entry *made = kp_values_find(cell->values, choice);
    const struct kp_entry *written = kp_values_find(cell->values, key);

    if (kp_sweep_axis(cell->sweep, choice))
        return true;
    if (kp_sweep_axis(cell->sweep, key) || !made || !written)
        return false;
    return made->number > written->number && strcmp(made->place.file, written->place.file) != 0;
}

bool kp_option_in_use(const struct kp_cell *cell, const struct kp_config *c, const char *section,
                      const struct kp_option *o, struct kp_problems *p)
{
    const struct kp_section *s = section_of(section);
    const struct kp_option_use *use = use_of(s, o->name);
    char key[KEY_SIZE], choice_key[KEY_SIZE];
    struct kp_text who = {0};
    struct kp_raw raw;

    if (!use)
        return true;
    (void)snprintf(key, sizeof(key), "%s.%s", section, o->name);
    (void)snprintf(choice_key, sizeof(choice_key), "%s.%s", section, use->choice);
    const struct kp_option *choice = kp_option_find(&s->options, use->choice);
    const char *word = text_of(c, choice_key);
    if (!word) /* a wrong choice has been reported */
        return false;
    if (suits(use, choice, word))
        return true;
    if (!kp_cell_raw(cell, key, o, &raw) || raw.is_default || is_replaced(cell, choice_key, key))
        return false;
    owners(use, choice, &who);
    if (who.failed)
        p->failed = true;
    else
        kp_problem_add(p, raw.place, key, "belongs to %s, and %s is %s; leave it out", who.s,
                       choice_key, word);
    kp_text_finish(&who);
    return false;
}
