/* process.c - runs a program with a time limit and keeps what it says. */
#include "conform/process.h"

#include "base/clock.h"
#include "base/file.h"
#include "conform/slate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SAID_MAX = 256 << 10 };

/* Ours without what `set` replaces, then that. Ends with NULL; free() it. */
static const char **environment(const char *const set[4])
{
    size_t n = 0, kept = 0;
    const char **all;

    while (environ[n])
        n++;
    all = calloc(n + 5, sizeof(*all));
    for (size_t i = 0; all && i < n; i++) {
        bool replaced = false;
        for (int k = 0; k < 4 && set[k]; k++)
            replaced |= strncmp(environ[i], set[k], strcspn(set[k], "=") + 1) == 0;
        if (!replaced)
            all[kept++] = environ[i];
    }
    for (int k = 0; all && k < 4 && set[k]; k++)
        all[kept++] = set[k];
    return all;
}

static enum kp_status start(const struct kp_process *p, int output, pid_t *pid, struct kp_error *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    const char **env = environment(p->set);
    char *const *argv, *const *envp;
    int failed = env ? 0 : ENOMEM;

    /* posix_spawnp() changes nothing of them. */
    memcpy(&argv, &p->argv, sizeof(argv));
    memcpy(&envp, &env, sizeof(envp));

    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attributes);
    /* A group of its own, so that what it starts dies with it. */
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    if (!failed && p->slate >= 0)
        failed = posix_spawn_file_actions_adddup2(&files, p->slate, KP_SLATE_FD);
    if (!failed)
        failed = posix_spawnp(pid, argv[0], &files, &attributes, argv, envp);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&attributes);
    free((void *)env);
    return failed ? kp_fail(e, KP_E_IO, "%s: cannot be started: %s", p->argv[0], strerror(failed))
                  : KP_OK;
}

static void wait_for(pid_t pid, double limit, struct kp_ending *out)
{
    const double begun = kp_clock_monotonic();
    const struct timespec pause = {.tv_nsec = 2000000};
    pid_t ended;

    while ((ended = waitpid(pid, &out->status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (!out->late && kp_clock_monotonic() - begun > limit) {
            out->late = true;
            (void)kill(-pid, SIGKILL);
        }
        (void)nanosleep(&pause, NULL);
    }
    (void)kill(-pid, SIGKILL); /* whatever it left behind */
    out->seconds = kp_clock_monotonic() - begun;
}

static void read_said(int output, struct kp_text *out)
{
    char part[4096];
    ssize_t n;
    off_t at = 0;

    while (at < SAID_MAX && (n = pread(output, part, sizeof(part), at)) > 0) {
        kp_text_add_bytes(out, part, (size_t)n);
        at += n;
    }
}

enum kp_status kp_process_run(const struct kp_process *p, struct kp_ending *out, struct kp_error *e)
{
    struct kp_ending ending = {0};
    pid_t pid = 0;
    int output = memfd_create("kappa-check-output", MFD_CLOEXEC);
    enum kp_status st =
        output >= 0 ? start(p, output, &pid, e)
                    : kp_fail(e, KP_E_IO, "no memory for a test's output: %s", strerror(errno));

    if (st == KP_OK) {
        wait_for(pid, p->seconds, &ending);
        read_said(output, &ending.said);
        *out = ending;
    }
    if (output >= 0)
        (void)close(output);
    return st;
}

bool kp_process_has(const char *name)
{
    const char *path = getenv("PATH");
    char *copy = strdup(path ? path : ""), *rest = copy, *folder;
    bool found = false;

    while (copy && !found && (folder = strsep(&rest, ":")) != NULL) {
        char *file = *folder ? kp_path_join(folder, name) : NULL;
        found = file && access(file, X_OK) == 0;
        free(file);
    }
    free(copy);
    return found;
}
