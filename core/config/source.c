/* source.c - read an experiment's files with their includes, and what the command line adds. */
#include "config/source.h"

#include "base/file.h"
#include "config/ini_file.h"
#include "config/interpolate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FILE_MAX = 1 << 20,
    FILES_MAX = 256,
    DEPTH_MAX = 16,
    ENTRIES_MAX = 10000,
};

/* A file that is being read, and the ones that led to it. */
struct frame {
    const struct frame *parent;
    const char *path;
    dev_t device;
    ino_t inode;
    int depth;
};

static void read_file(struct kp_source *s, const struct frame *parent, const char *path,
                      struct kp_place from, struct kp_problems *problems);

static void add(struct kp_source *s, const char *key, const char *value, struct kp_place place,
                struct kp_problems *problems)
{
    if (s->count == s->room) {
        int64_t room = s->room ? 2 * s->room : 64;
        struct kp_entry *v = realloc(s->v, (size_t)room * sizeof(*v));
        if (!v) {
            problems->failed = true;
            return;
        }
        s->v = v;
        s->room = room;
    }
    if (!key || !value) {
        problems->failed = true;
        return;
    }
    s->v[s->count] = (struct kp_entry){key, value, place, s->count};
    s->count++;
}

static const char *joined_key(struct kp_source *s, const char *section, const char *key)
{
    size_t size = strlen(section) + strlen(key) + 2;
    char *out = kp_arena_new(&s->memory, char, size);

    if (out)
        (void)snprintf(out, size, "%s.%s", section, key);
    return out;
}

/* NOLINTBEGIN(misc-no-recursion): files include each other at most DEPTH_MAX deep */

static void include(struct kp_source *s, const struct frame *parent, const char *value,
                    struct kp_place place, struct kp_problems *problems)
{
    struct kp_text path = {0};
    struct kp_error why = {0};
    char *beside = NULL;

    if (!*value) {
        kp_problem_add(problems, place, "include.path", "empty; the path of an INI file");
    } else if (kp_interpolate(NULL, value, false, &path, &why) != KP_OK) {
        kp_problem_add(problems, place, "include.path", "%s", why.text);
    } else {
        beside = kp_path_beside(parent->path, path.s);
        if (beside)
            read_file(s, parent, beside, place, problems);
        else
            problems->failed = true;
    }
    free(beside);
    kp_text_finish(&path);
}

/* "a.ini -> b.ini -> a.ini", from the file that is met again. */
static void add_chain(const struct frame *f, const struct frame *first, struct kp_text *out)
{
    if (f != first)
        add_chain(f->parent, first, out);
    kp_text_addf(out, "%s -> ", f->path);
}

static bool is_cycle(const struct frame *f, struct kp_place from, struct kp_problems *problems)
{
    for (const struct frame *up = f->parent; up; up = up->parent) {
        if (up->device == f->device && up->inode == f->inode) {
            struct kp_text chain = {0};
            add_chain(f->parent, up, &chain);
            kp_text_add(&chain, f->path);
            kp_problem_add(problems, from, "include.path",
                           "files include each other: %s; remove one of these includes",
                           chain.s ? chain.s : f->path);
            kp_text_finish(&chain);
            return true;
        }
    }
    return false;
}

static void read_entries(struct kp_source *s, const struct frame *f, const struct kp_ini *ini,
                         int order, struct kp_problems *problems)
{
    for (int64_t i = 0; i < ini->count; i++) {
        const struct kp_ini_entry *e = &ini->v[i];
        struct kp_place place = {f->path, e->line, order};

        if (strcmp(e->section, "include") == 0 && strcmp(e->key, "path") == 0)
            include(s, f, e->value, place, problems);
        else
            add(s, joined_key(s, e->section, e->key), e->value, place, problems);
    }
}

static void read_file(struct kp_source *s, const struct frame *parent, const char *path,
                      struct kp_place from, struct kp_problems *problems)
{
    struct frame f = {.parent = parent,
                      .path = kp_arena_strdup(&s->memory, path),
                      .depth = parent ? parent->depth + 1 : 0};
    const char *key = parent ? "include.path" : NULL;
    const char *hint = parent ? "; the path is seen from the folder of the file that includes" : "";
    struct kp_error why = {0};
    struct kp_ini ini = {0};
    struct stat status;
    uint8_t *bytes = NULL;
    size_t size = 0;
    int order = s->files;

    if (!f.path) {
        problems->failed = true;
        return;
    }
    if (!parent)
        from = (struct kp_place){f.path, 0, order};
    if (f.depth > DEPTH_MAX || s->files >= FILES_MAX) {
        kp_problem_add(problems, from, key, "%s; fewer includes",
                       f.depth > DEPTH_MAX ? "includes nested more than 16 deep"
                                           : "more than 256 files in one experiment");
        return;
    }
    if (stat(path, &status) != 0) {
        kp_problem_add(problems, from, key, "%s%s%s%s", parent ? path : "", parent ? ": " : "",
                       strerror(errno), hint);
        return;
    }
    f.device = status.st_dev;
    f.inode = status.st_ino;
    if (is_cycle(&f, from, problems))
        return;
    if (S_ISDIR(status.st_mode) || (parent && !S_ISREG(status.st_mode))) {
        kp_problem_add(problems, from, key, "%s is no file; an INI file", path);
        return;
    }
    s->files++;
    if (kp_file_read(path, FILE_MAX, &bytes, &size, &why) != KP_OK) {
        kp_problem_add(problems, from, key, "%s", why.text);
        return;
    }
    kp_ini_parse((const char *)bytes, size, f.path, order, ENTRIES_MAX - s->count, &s->memory, &ini,
                 problems);
    read_entries(s, &f, &ini, order, problems);
    kp_ini_finish(&ini);
    free(bytes);
}

/* NOLINTEND(misc-no-recursion) */

void kp_source_read(struct kp_source *s, const char *path, struct kp_problems *problems)
{
    read_file(s, NULL, path, (struct kp_place){0}, problems);
}

const char *kp_override_passed_on(const struct kp_override *o, enum kp_reference *to)
{
    for (int i = 0; i < KP_REFERENCES; i++) {
        size_t n = strlen(kp_reference_names[i]);
        if (strncmp(o->text, kp_reference_names[i], n) == 0 && o->text[n] == ':') {
            *to = (enum kp_reference)i;
            return o->text + n + 1;
        }
    }
    return NULL;
}

/* Without blanks at both ends. */
static const char *trimmed(struct kp_arena *a, const char *s, size_t n)
{
    char *out;

    while (n > 0 && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    out = kp_arena_new(a, char, n + 1);
    if (out) {
        memcpy(out, s, n);
        out[n] = '\0';
    }
    return out;
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return true;
    return false;
}

void kp_source_override(struct kp_source *s, const struct kp_override *overrides, int64_t count,
                        struct kp_problems *problems)
{
    for (int64_t i = 0; i < count; i++) {
        const struct kp_override *o = &overrides[i];
        const char *equals = strchr(o->text, '=');
        const char *dot = strchr(o->text, '.');
        const char *key, *value;
        enum kp_reference to;
        struct kp_place place = {o->sweep ? "--sweep" : "--set", (int)(i + 1),
                                 KP_PLACE_COMMAND_LINE};

        if (has_control(o->text)) {
            kp_problem_add(problems, place, NULL, "control characters; printable text");
            continue;
        }
        if (kp_override_passed_on(o, &to)) {
            if (o->sweep)
                kp_problem_add(problems, place, NULL, "'%.100s': %s has one configuration; --set",
                               o->text,
                               to == KP_REFERENCE_TEACHER ? "a teacher" : "what [init] names");
            continue;
        }
        if (!equals || !dot || dot > equals) {
            kp_problem_add(problems, place, NULL, "'%.100s': not a setting; section.key=value",
                           o->text);
            continue;
        }
        key = trimmed(&s->memory, o->text, (size_t)(equals - o->text));
        value = trimmed(&s->memory, equals + 1, strlen(equals + 1));
        if (!key || !value) {
            problems->failed = true;
        } else if (strncmp(key, "include.", 8) == 0 || strncmp(key, "sweep.", 6) == 0) {
            kp_problem_add(problems, place, key,
                           "[include] and [sweep] are for files; --set section.key=value, or "
                           "--sweep section.key=a,b");
        } else {
            add(s, o->sweep ? joined_key(s, "sweep", key) : key, value, place, problems);
        }
    }
}

void kp_source_finish(struct kp_source *s)
{
    free(s->v);
    kp_arena_finish(&s->memory);
    *s = (struct kp_source){0};
}
