/* check.c - the checker: which tests, in which processes, with which verdicts. */
#include "conform/check.h"

#include "base/file.h"
#include "conform/compile.h"
#include "conform/findings.h"
#include "conform/process.h"
#include "conform/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tests that are not run in the process of a trial of their own name. */
#define TEST_BUILD    "build"
#define TEST_ADDRESS  "sanitize-memory"
#define TEST_RACES    "sanitize-threads"
#define TEST_VALGRIND "valgrind"

/* Exit status of a process in which a tool found something. */
#define FOUND_STATUS "99"

/* A tool slows a test down. */
#define WATCHED_TIMES 10

/* What a test runs under. */
struct watch {
    const char *name;
    const char *test; /* of the trial */
    enum kp_sanitize how;
    bool valgrind;
};

struct checking {
    const struct kp_check *c;
    struct kp_sources_of sources;
    char *folder; /* for what is compiled; NULL if nothing is */
    char *object; /* the plugin */
    bool from_source;
    char *data; /* the folder `data` of the plugin's folder; NULL if there is none */
    struct kp_slate *slate;
    int slate_file;
    char listed[sizeof(((struct kp_slate *)0)->listed)];
};

static void tell(const struct checking *x, const struct kp_check_line *line)
{
    x->c->tell(x->c->arg, line);
}

static bool wanted(const struct checking *x, const char *test)
{
    return !x->c->only || strcmp(x->c->only, test) == 0;
}

/* How the process of a test ended that left no verdict. */
static void explain_death(const struct kp_slate *s, const struct kp_ending *d, double limit,
                          struct kp_text *out)
{
    if (d->late)
        kp_text_addf(out, "still at work after %g s", limit);
    else if (WIFSIGNALED(d->status))
        kp_text_addf(out, "died of SIG%s (%s)", sigabbrev_np(WTERMSIG(d->status)),
                     sigdescr_np(WTERMSIG(d->status)));
    else
        kp_text_addf(out, "ended the process with exit status %d", WEXITSTATUS(d->status));
    if (*s->call)
        kp_text_addf(out, " in %s", s->call);
    if (*s->fault)
        kp_text_addf(out, ": %s", s->fault);
    if (*s->with)
        kp_text_addf(out, ", with %s", s->with);
}

/* A reason without the path of an object that was compiled for the check. */
static const char *own_words(const struct checking *x, const char *why)
{
    const size_t n = strlen(x->object);

    return x->from_source && strncmp(why, x->object, n) == 0 && strncmp(why + n, ": ", 2) == 0
               ? why + n + 2
               : why;
}

/* What is said of a test beside the slate's own words. */
static void judge(const struct checking *x, const struct kp_ending *d, const struct watch *w,
                  double limit, struct kp_check_line *line, struct kp_text *why)
{
    const struct kp_slate *s = x->slate;
    const char *said = d->said.s ? d->said.s : "";

    line->verdict = s->verdict == KP_VERDICT_NONE ? KP_VERDICT_FAILED : (enum kp_verdict)s->verdict;
    if (w && (w->valgrind ? kp_findings_of_valgrind(said, x->object, why)
                          : kp_findings_of_sanitizer(said, x->sources.v, x->sources.count, why)))
        line->verdict = KP_VERDICT_FAILED;
    else if (s->verdict == KP_VERDICT_NONE)
        explain_death(s, d, limit, why);
    else
        kp_text_add(why, own_words(x, s->why));
}

static void order(struct checking *x, const char *object, const char *kind, const char *name,
                  const char *test)
{
    *x->slate = (struct kp_slate){.seed = x->c->seed};
    (void)snprintf(x->slate->path, sizeof(x->slate->path), "%s", object);
    (void)snprintf(x->slate->data, sizeof(x->slate->data), "%s", x->data ? x->data : "");
    (void)snprintf(x->slate->kind, sizeof(x->slate->kind), "%s", kind);
    (void)snprintf(x->slate->name, sizeof(x->slate->name), "%s", name);
    (void)snprintf(x->slate->test, sizeof(x->slate->test), "%s", test);
}

/* Run the ordered test, with this runtime loaded first (or NULL), and judge it. */
static enum kp_status run(struct checking *x, const struct watch *w, const char *runtime,
                          struct kp_check_line *line, struct kp_text *why, struct kp_error *e)
{
    static const char *const valgrind[] = {"valgrind",
                                           "--quiet",
                                           "--xml=yes",
                                           "--xml-fd=2",
                                           "--leak-check=full",
                                           "--show-leak-kinds=definite",
                                           "--child-silent-after-fork=yes",
                                           NULL};
    const double limit = x->c->seconds * (w ? WATCHED_TIMES : 1);
    struct kp_text preload = {0};
    struct kp_ending ending = {0};
    const char *argv[16];
    int n = 0;

    for (int i = 0; w && w->valgrind && valgrind[i]; i++)
        argv[n++] = valgrind[i];
    argv[n++] = x->c->program;
    argv[n++] = "check";
    argv[n++] = x->slate->path;
    argv[n] = NULL;
    kp_text_addf(&preload, "LD_PRELOAD=%s", runtime ? runtime : "");

    struct kp_process p = {
        .argv = argv,
        .set = {KP_PROCESS_MARK "=1", "GLIBC_TUNABLES=glibc.malloc.tcache_count=0"},
        .slate = x->slate_file,
        .seconds = limit};
    if (w && w->valgrind) {
        /* It knows no AVX-512. */
        p.set[1] = "KAPPA_CPU_LEVEL=avx2";
    } else if (runtime) {
        p.set[1] = preload.s;
        p.set[2] = w->how == KP_SANITIZE_MEMORY
                       ? "ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:exitcode=" FOUND_STATUS
                       : "TSAN_OPTIONS=halt_on_error=1:exitcode=" FOUND_STATUS;
        p.set[3] = "UBSAN_OPTIONS=print_stacktrace=1";
    }
    enum kp_status st = kp_process_run(&p, &ending, e);
    if (st == KP_OK) {
        judge(x, &ending, w, limit, line, why);
        line->seconds = ending.seconds;
    }
    kp_text_finish(&ending.said);
    kp_text_finish(&preload);
    return st;
}

static enum kp_status run_test(struct checking *x, const char *kind, const char *name,
                               const char *test, enum kp_verdict *verdict, struct kp_error *e)
{
    struct kp_check_line line = {.kind = kind, .name = name, .test = test};
    struct kp_text why = {0};

    order(x, x->object, kind, name, test);
    enum kp_status st = run(x, NULL, NULL, &line, &why, e);
    line.why = why.s ? why.s : "";
    if (st == KP_OK && (wanted(x, test) || line.verdict == KP_VERDICT_FAILED))
        tell(x, &line);
    *verdict = line.verdict;
    kp_text_finish(&why);
    return st;
}

static void not_checked(const struct checking *x, const char *test, const char *why)
{
    const struct kp_check_line line = {
        .kind = "", .name = "", .test = test, .verdict = KP_VERDICT_NOT_CHECKED, .why = why};

    if (wanted(x, test))
        tell(x, &line);
}

/* Compile the plugin anew with a sanitizer, and have everything run. */
static enum kp_status run_sanitized(struct checking *x, const struct watch *w, struct kp_error *e)
{
    struct kp_check_line line = {.kind = "", .name = "", .test = w->name};
    struct kp_text why = {0};
    struct kp_error refused = {0};
    char *object = kp_path_join(x->folder, w->name), *runtime = NULL;
    enum kp_status st =
        object ? kp_compile(&x->sources, x->c->headers, w->how, object, &runtime, &refused)
               : kp_fail(&refused, KP_E_NOMEM, "out of memory");

    if (st == KP_E_UNSUPPORTED) {
        not_checked(x, w->name, refused.text);
        st = KP_OK;
    } else if (st != KP_OK) {
        st = kp_fail(e, st, "%s", refused.text);
    } else {
        order(x, object, "", "", w->test);
        st = run(x, w, runtime, &line, &why, e);
        line.why = why.s ? why.s : "";
        if (st == KP_OK)
            tell(x, &line);
    }
    if (object)
        (void)unlink(object);
    kp_text_finish(&why);
    free(object);
    free(runtime);
    return st;
}

static enum kp_status run_valgrind(struct checking *x, const struct watch *w, struct kp_error *e)
{
    struct kp_check_line line = {.kind = "", .name = "", .test = w->name};
    struct kp_text why = {0};

    order(x, x->object, "", "", w->test);
    enum kp_status st = run(x, w, NULL, &line, &why, e);
    line.why = why.s ? why.s : "";
    if (st == KP_OK)
        tell(x, &line);
    kp_text_finish(&why);
    return st;
}

static enum kp_status run_watched(struct checking *x, struct kp_error *e)
{
    static const struct watch watches[] = {
        {TEST_ADDRESS, KP_TEST_MEMORY, KP_SANITIZE_MEMORY, false},
        {TEST_RACES, KP_TEST_THREADS, KP_SANITIZE_THREADS, false},
        {TEST_VALGRIND, KP_TEST_ONCE, KP_SANITIZE_NONE, true},
    };
    enum kp_status st = KP_OK;

    for (size_t i = 0; st == KP_OK && i < sizeof(watches) / sizeof(watches[0]); i++) {
        const struct watch *w = &watches[i];

        if (!wanted(x, w->name))
            continue;
        if (KP_SANITIZED)
            not_checked(x, w->name, "this kappa was built with a sanitizer");
        else if (w->valgrind && !kp_process_has("valgrind"))
            not_checked(x, w->name, "valgrind is not installed");
        else if (w->valgrind)
            st = run_valgrind(x, w, e);
        else if (!x->from_source)
            not_checked(x, w->name, "needs the source: check the plugin's folder or C file");
        else
            st = run_sanitized(x, w, e);
    }
    return st;
}

static enum kp_status run_definition(struct checking *x, const char *kind, const char *name,
                                     struct kp_error *e)
{
    enum kp_verdict unused;
    enum kp_status st = KP_OK;

    for (int i = 0; st == KP_OK && i < kp_test_count; i++)
        if (strcmp(kp_tests[i].kind, kind) == 0 && wanted(x, kp_tests[i].name))
            st = run_test(x, kind, name, kp_tests[i].name, &unused, e);
    return st;
}

/* Every definition that the manifest listed. */
static enum kp_status run_definitions(struct checking *x, struct kp_error *e)
{
    char *rest = x->listed, *line;
    enum kp_status st = KP_OK;

    while (st == KP_OK && (line = strsep(&rest, "\n")) != NULL) {
        char *name = line, *kind = strsep(&name, " ");
        if (name)
            st = run_definition(x, kind, name, e);
    }
    return st;
}

static enum kp_status run_all(struct checking *x, struct kp_error *e)
{
    enum kp_verdict manifest, symbols;
    enum kp_status st = run_test(x, "", "", KP_TEST_MANIFEST, &manifest, e);

    memcpy(x->listed, x->slate->listed, sizeof(x->listed));
    if (st == KP_OK && wanted(x, KP_TEST_SYMBOLS))
        st = run_test(x, "", "", KP_TEST_SYMBOLS, &symbols, e);
    if (st != KP_OK)
        return st;
    if (manifest != KP_VERDICT_PASSED) {
        not_checked(x, "everything else", "kappa does not open the plugin");
        return KP_OK;
    }
    st = run_definitions(x, e);
    return st == KP_OK ? run_watched(x, e) : st;
}

static bool is_object(const char *path)
{
    size_t n = strlen(path);

    return n > 3 && strcmp(path + n - 3, ".so") == 0;
}

/* Compile the plugin; false, with a verdict, if the compiler refuses it. */
static enum kp_status build(struct checking *x, bool *built, struct kp_error *e)
{
    struct kp_check_line line = {
        .kind = "", .name = "", .test = TEST_BUILD, .verdict = KP_VERDICT_PASSED, .why = ""};
    struct kp_error refused = {0};
    const char *temporary = getenv("TMPDIR");
    char *none = NULL;

    x->folder = kp_path_join(temporary && *temporary ? temporary : "/tmp", "kappa-check-XXXXXX");
    if (!x->folder || !mkdtemp(x->folder)) {
        (void)kp_fail(e, KP_E_IO, "%s: %s", x->folder ? x->folder : "/tmp", strerror(errno));
        free(x->folder);
        x->folder = NULL;
        return e->status;
    }
    x->object = kp_path_join(x->folder, "plugin.so");
    if (!x->object)
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    enum kp_status st =
        kp_compile(&x->sources, x->c->headers, KP_SANITIZE_NONE, x->object, &none, &refused);
    *built = st == KP_OK;
    if (st == KP_E_INVALID) {
        line.verdict = KP_VERDICT_FAILED;
        line.why = refused.text;
        st = KP_OK;
    } else if (st != KP_OK) {
        return kp_fail(e, st, "%s", refused.text);
    }
    if (wanted(x, TEST_BUILD) || !*built)
        tell(x, &line);
    return st;
}

/* The folder `data` in a plugin's folder or beside its file; NULL if it is not there. */
static char *data_of(const char *path)
{
    struct stat about;
    char *data = stat(path, &about) == 0 && S_ISDIR(about.st_mode) ? kp_path_join(path, "data")
                                                                   : kp_path_beside(path, "data");
    char *found = data ? realpath(data, NULL) : NULL;

    free(data);
    return found;
}

static void add_name(struct kp_text *out, const char *name)
{
    struct kp_text padded = {0};

    kp_text_addf(&padded, " %s ", out->s ? out->s : "");
    char *whole = NULL;
    if (asprintf(&whole, " %s ", name) > 0 && !(padded.s && strstr(padded.s, whole)))
        kp_text_addf(out, "%s%s", out->length > 0 ? " " : "", name);
    free(whole);
    kp_text_finish(&padded);
}

void kp_check_names(struct kp_text *out)
{
    static const char *const others[] = {TEST_ADDRESS, TEST_RACES, TEST_VALGRIND};

    add_name(out, TEST_BUILD);
    add_name(out, KP_TEST_MANIFEST);
    add_name(out, KP_TEST_SYMBOLS);
    for (int i = 0; i < kp_test_count; i++)
        if (*kp_tests[i].kind)
            add_name(out, kp_tests[i].name);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        add_name(out, others[i]);
}

enum kp_status kp_check_run(const struct kp_check *c, struct kp_error *e)
{
    struct checking x = {.c = c, .slate_file = -1};
    bool built = true;
    enum kp_status st = kp_sources_of_init(c->path, &x.sources, e);

    x.from_source = !is_object(c->path);
    if (st == KP_OK)
        st = kp_slate_create(&x.slate, &x.slate_file, e);
    if (st == KP_OK && x.from_source)
        st = build(&x, &built, e);
    else if (st == KP_OK && !(x.object = realpath(c->path, NULL)))
        st = kp_fail(e, KP_E_IO, "%s: %s", c->path, strerror(errno));
    x.data = data_of(c->path);
    if (st == KP_OK && built)
        st = run_all(&x, e);
    if (x.folder) {
        if (x.object)
            (void)unlink(x.object);
        (void)rmdir(x.folder);
    }
    kp_slate_destroy(x.slate, x.slate_file);
    kp_sources_of_finish(&x.sources);
    free(x.folder);
    free(x.object);
    free(x.data);
    return st;
}
