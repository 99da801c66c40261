/* crash.c - a crash of this process: told with the plugin whose code it was in, and recorded. */
#include "app/crash.h"

#include "app/output.h"
#include "base/running.h"
#include "store/store.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACK_SIZE = 1 << 16, NUMBER_SIZE = 12 };

/* The command line of a program that was begun anew: this, then the one of the command. */
enum argument { PROGRAM, WORD, DATABASE, KIND, PLUGIN, NAME, PHASE, SIGNAL, WORKER, ARGUMENTS };

static const char crash_word[] = "--crashed";

/* The same where there is no crash to record: program and word, then the command's. */
static const char anew_word[] = "--anew";
enum { ANEW_ARGUMENTS = 2 };

extern char **environ;

static const char *database; /* NULL: nothing is recorded */
static const struct kp_registry *plugins;
static bool is_worker, is_resumed;
static const char **command_line; /* with room for the arguments above */

/* By the place in kp_fault_signals; in memory because a handler formats nothing. */
static const char *const fault_texts[] = {"segmentation fault (SIGSEGV)", "bus error (SIGBUS)",
                                          "arithmetic error (SIGFPE)",
                                          "illegal instruction (SIGILL)", "abort (SIGABRT)"};
static char fault_numbers[sizeof(fault_texts) / sizeof(fault_texts[0])][NUMBER_SIZE];

static int place_of(int number)
{
    int i = 0;

    while (kp_fault_signals[i] && kp_fault_signals[i] != number)
        i++;
    return i;
}

/* The functions below run in a signal handler: they call nothing that is not safe there. */

static void say(const char *const *parts)
{
    for (; *parts; parts++)
        if (write(STDERR_FILENO, *parts, strlen(*parts)) < 0)
            return;
}

/* The name under which table run_plugin has the plugin: its own, of an analysis the definition's.
 */
static const char *plugin_of(const struct kp_running *at)
{
    const struct kp_loaded *from = NULL;

    (void)kp_registry_find(plugins, kp_kind_of(at->kind), at->name, &from);
    return from ? from->plugin->name : at->name;
}

static void begin_anew(const struct kp_running *at, int place)
{
    command_line[DATABASE] = database;
    command_line[KIND] = at->kind;
    command_line[PLUGIN] = plugin_of(at);
    command_line[NAME] = at->name;
    command_line[PHASE] = at->phase;
    command_line[SIGNAL] = fault_numbers[place];
    command_line[WORKER] = is_worker ? "worker" : "alone";
    (void)execve("/proc/self/exe", (char *const *)(void *)command_line, environ);
}

static void on_fault(int number)
{
    const struct kp_running at = kp_running;
    const int place = place_of(number);

    if (!is_worker && at.kind)
        say((const char *const[]){"kappa: ", at.kind, " '", at.name, "' crashed in ", at.phase,
                                  ": ", fault_texts[place], "\n", NULL});
    else if (!is_worker)
        say((const char *const[]){"kappa: crashed outside of plugins: ", fault_texts[place],
                                  "; this is a bug of kappa\n", NULL});
    if (database && at.kind)
        begin_anew(&at, place);
    (void)raise(number); /* by default now, and once this returns */
}

void kp_crash_begin_anew(void)
{
    const char **line = command_line + ARGUMENTS - ANEW_ARGUMENTS;

    line[PROGRAM] = command_line[PROGRAM];
    line[WORD] = anew_word;
    (void)fflush(stdout);
    (void)execve("/proc/self/exe", (char *const *)(void *)line, environ);
}

bool kp_crash_catch(int argc, char **argv)
{
    static char room[STACK_SIZE];
    const stack_t stack = {.ss_sp = room, .ss_size = sizeof(room)};
    struct sigaction ours = {.sa_handler = on_fault, .sa_flags = SA_RESETHAND | SA_ONSTACK};

    command_line = (const char **)calloc(ARGUMENTS + (size_t)argc + 1, sizeof(*command_line));
    if (!command_line)
        return false;
    command_line[PROGRAM] = argv[0];
    command_line[WORD] = crash_word;
    for (int i = 0; i < argc; i++)
        command_line[ARGUMENTS + i] = argv[i];

    (void)sigemptyset(&ours.sa_mask);
    (void)sigaltstack(&stack, NULL);
    for (int i = 0; kp_fault_signals[i]; i++) {
        (void)snprintf(fault_numbers[i], NUMBER_SIZE, "%d", kp_fault_signals[i]);
        (void)sigaction(kp_fault_signals[i], &ours, NULL);
    }
    return true;
}

void kp_crash_record(const char *path, const struct kp_registry *registry, bool worker)
{
    plugins = registry;
    is_worker = worker;
    database = path;
}

/* From here on in the program that was begun anew. */

/* The command that is left after the first arguments. */
static void go_on(int *argc, char ***argv, int first)
{
    kp_say("the other runs go on in a process of their own");
    is_resumed = true;
    *argc -= first;
    *argv += first;
}

/* A worker's runs tell its parent why they failed. One that had none yet tells it itself. */
static enum kp_status record(char *const *argv, int place, bool worker, struct kp_error *e)
{
    struct kp_store *store = NULL;
    char why[512];
    bool any = false;
    enum kp_status st = kp_store_open(argv[DATABASE], &store, e);

    (void)snprintf(why, sizeof(why), "%s '%s' crashed in %s: %s", argv[KIND], argv[NAME],
                   argv[PHASE], fault_texts[place]);
    if (st == KP_OK)
        st = kp_store_fail_held(store, argv[KIND], argv[PLUGIN], argv[NAME], why, &any, e);
    if (worker && !any)
        kp_say("%s", why);
    if (st == KP_OK)
        return kp_store_close(store, e);
    (void)kp_store_close(store, &(struct kp_error){0});
    return st;
}

bool kp_crash_resume(int *argc, char ***argv, int *code)
{
    struct kp_error e = {0};
    sigset_t none;

    if (*argc > ANEW_ARGUMENTS && strcmp((*argv)[WORD], anew_word) == 0)
        go_on(argc, argv, ANEW_ARGUMENTS);
    if (*argc < 2 || strcmp((*argv)[WORD], crash_word) != 0)
        return true;
    int number = *argc > ARGUMENTS ? (int)strtol((*argv)[SIGNAL], NULL, 10) : 0;
    int place = place_of(number);
    if (!kp_fault_signals[place]) {
        kp_say("%s is for kappa itself, after a crash", crash_word);
        *code = KP_EXIT_USAGE;
        return false;
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    bool worker = strcmp((*argv)[WORKER], "worker") == 0;
    enum kp_status st = record(*argv, place, worker, &e);
    if (worker) {
        (void)raise(number);
        *code = KP_EXIT_FAILED;
        return false;
    }
    if (st != KP_OK) {
        *code = kp_say_error(&e);
        return false;
    }
    go_on(argc, argv, ARGUMENTS);
    return true;
}

bool kp_crash_resumed(void)
{
    return is_resumed;
}
