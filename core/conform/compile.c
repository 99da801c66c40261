/* compile.c - makes a shared object of a plugin's C files. */
#include "conform/compile.h"

#include "base/file.h"
#include "conform/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECONDS 120
#define WORDS   (KP_SOURCES_MAX + 40)

/* A command line; the words are somebody else's. */
struct words {
    const char *v[WORDS + 1];
    int count;
};

static void add(struct words *w, const char *word)
{
    if (w->count < WORDS)
        w->v[w->count++] = word;
}

static bool is_source(const char *name)
{
    size_t n = strlen(name);

    return n > 2 && strcmp(name + n - 2, ".c") == 0 && name[0] != '.' &&
           strncmp(name, "test_", 5) != 0;
}

static int source_entry(const struct dirent *d)
{
    return is_source(d->d_name);
}

enum kp_status kp_sources_of_init(const char *path, struct kp_sources_of *out, struct kp_error *e)
{
    struct dirent **entries = NULL;
    struct stat about;
    int n;

    *out = (struct kp_sources_of){0};
    if (stat(path, &about) != 0)
        return kp_fail(e, KP_E_INVALID, "%s: %s; a plugin's .so, its C file, or its folder", path,
                       strerror(errno));
    if (!S_ISDIR(about.st_mode)) {
        out->v[0] = strdup(path);
        out->count = out->v[0] ? 1 : 0;
        return out->v[0] ? KP_OK : kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    n = scandir(path, &entries, source_entry, alphasort);
    enum kp_status st = KP_OK;
    if (n > KP_SOURCES_MAX)
        st = kp_fail(e, KP_E_INVALID, "%s: more than %d C files", path, KP_SOURCES_MAX);
    else if (n <= 0)
        st = kp_fail(e, KP_E_INVALID,
                     "%s: no C file in this folder; a plugin's .so, its C file, or its folder",
                     path);
    for (int i = 0; i < n; i++) {
        if (st == KP_OK) {
            out->v[i] = kp_path_join(path, entries[i]->d_name);
            out->count = i + 1;
            if (!out->v[i])
                st = kp_fail(e, KP_E_NOMEM, "out of memory");
        }
        free(entries[i]);
    }
    free((void *)entries);
    return st;
}

void kp_sources_of_finish(struct kp_sources_of *s)
{
    for (int i = 0; i < s->count; i++)
        free(s->v[i]);
    s->count = 0;
}

/* Run a command; *said is what it printed, to be finished by the caller. */
static enum kp_status call(struct words *w, int *status, struct kp_text *said, struct kp_error *e)
{
    const struct kp_process p = {.argv = w->v, .slate = -1, .seconds = SECONDS};
    struct kp_ending ending = {0};
    enum kp_status st = kp_process_run(&p, &ending, e);

    if (st == KP_OK) {
        *status = ending.status;
        *said = ending.said;
    }
    return st;
}

/* The file of a compiler's runtime; NULL if it has none. free() it. */
static char *runtime_of(const struct words *compiler, const char *library)
{
    struct words w = *compiler;
    struct kp_text said = {0}, option = {0};
    struct kp_error e = {0};
    char *file = NULL;
    int status = 1;

    kp_text_addf(&option, "-print-file-name=%s", library);
    add(&w, option.s ? option.s : "");
    if (call(&w, &status, &said, &e) == KP_OK && status == 0 && said.s && strchr(said.s, '/'))
        file = strndup(said.s, strcspn(said.s, "\n"));
    kp_text_finish(&said);
    kp_text_finish(&option);
    return file;
}

/* Can it be put before another program's libraries? That of some clangs crashes there. */
static bool can_be_preloaded(const char *runtime)
{
    struct kp_text preload = {0};
    struct kp_ending ending = {0};
    struct kp_error e = {0};
    const char *const argv[] = {"true", NULL};

    kp_text_addf(&preload, "LD_PRELOAD=%s", runtime);
    const struct kp_process p = {
        .argv = argv, .set = {preload.s ? preload.s : ""}, .slate = -1, .seconds = SECONDS};
    bool can = !preload.failed && kp_process_run(&p, &ending, &e) == KP_OK && !ending.late &&
               ending.status == 0;
    kp_text_finish(&ending.said);
    kp_text_finish(&preload);
    return can;
}

static bool is_clang(const struct words *compiler)
{
    struct words w = *compiler;
    struct kp_text said = {0};
    struct kp_error e = {0};
    int status;

    add(&w, "--version");
    bool clang = call(&w, &status, &said, &e) == KP_OK && said.s && strstr(said.s, "clang");
    kp_text_finish(&said);
    return clang;
}

static void add_sanitizer(struct words *w, enum kp_sanitize how, bool clang)
{
    add(w, "-O1");
    add(w, "-fno-omit-frame-pointer");
    add(w, how == KP_SANITIZE_MEMORY ? "-fsanitize=address,undefined" : "-fsanitize=thread");
    if (how == KP_SANITIZE_MEMORY)
        add(w, "-fno-sanitize-recover=undefined");
    if (clang)
        add(w, "-shared-libsan");
}

/* With one compiler. KP_E_UNSUPPORTED if it has not the runtime, or one that is of no use. */
static enum kp_status compile_with(const struct words *compiler, const struct kp_sources_of *s,
                                   const char *headers, enum kp_sanitize how, const char *object,
                                   char **runtime, struct kp_error *e)
{
    const bool clang = is_clang(compiler);
    const char *library = how == KP_SANITIZE_MEMORY
                              ? (clang ? "libclang_rt.asan-x86_64.so" : "libasan.so")
                              : (clang ? "libclang_rt.tsan-x86_64.so" : "libtsan.so");
    struct words w = *compiler;
    struct kp_text said = {0};
    char *file = how == KP_SANITIZE_NONE ? NULL : runtime_of(compiler, library);
    int status = 0;

    if (how != KP_SANITIZE_NONE && !file)
        return kp_fail(e, KP_E_UNSUPPORTED, "%s has no %s", w.v[0], library);
    if (file && !can_be_preloaded(file)) {
        free(file);
        return kp_fail(e, KP_E_UNSUPPORTED, "%s's %s cannot be preloaded here", w.v[0], library);
    }
    for (const char *const *word =
             (const char *const[]){"-std=c17", "-g", "-fPIC", "-shared", NULL};
         *word; word++)
        add(&w, *word);
    if (how == KP_SANITIZE_NONE)
        add(&w, "-O2");
    else
        add_sanitizer(&w, how, clang);
    add(&w, "-I");
    add(&w, headers);
    add(&w, "-o");
    add(&w, object);
    for (int i = 0; i < s->count; i++)
        add(&w, s->v[i]);
    add(&w, "-lm");
    enum kp_status st = call(&w, &status, &said, e);
    if (st == KP_OK && status != 0)
        st = kp_fail(e, KP_E_INVALID, "%s refuses it:\n%.1500s", w.v[0], said.s ? said.s : "");
    kp_text_finish(&said);
    if (st == KP_OK)
        *runtime = file;
    else
        free(file);
    return st;
}

enum kp_status kp_compile(const struct kp_sources_of *s, const char *headers, enum kp_sanitize how,
                          const char *object, char **runtime, struct kp_error *e)
{
    static const char *const usual[] = {"cc", "gcc", "clang"};
    const char *chosen = getenv("CC");
    char *copy = strdup(chosen ? chosen : ""), *rest = copy, *word;
    struct words w = {0};
    enum kp_status st =
        kp_fail(e, KP_E_UNSUPPORTED, "no C compiler: install gcc or clang, or name one in CC");

    /* CC may be several words: "ccache gcc". */
    while (rest && (word = strsep(&rest, " ")) != NULL)
        if (*word)
            add(&w, word);
    if (w.count > 0)
        st = compile_with(&w, s, headers, how, object, runtime, e);
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && st == KP_E_UNSUPPORTED; i++) {
        if (!kp_process_has(usual[i]))
            continue;
        w = (struct words){0};
        add(&w, usual[i]);
        st = compile_with(&w, s, headers, how, object, runtime, e);
    }
    free(copy);
    return st;
}
