/* gnuplot.c - gnuplot as a child process. */
#include "report/gnuplot.h"

#include "base/clock.h"
#include "base/file.h"

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

#define SECONDS 60.0

/* 0 or the errno of what failed. */
static int start(const char *folder, const char *script, int words, pid_t *child)
{
    static char program[] = "gnuplot", plain[] = "-d";
    char *arguments[] = {program, plain, strdup(script), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int error = arguments[2] ? posix_spawn_file_actions_init(&actions) : ENOMEM;

    if (error) {
        free(arguments[2]);
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error) {
        (void)posix_spawn_file_actions_destroy(&actions);
        free(arguments[2]);
        return error;
    }
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    error = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (!error)
        error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, words, 1);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, words, 2);
    if (!error)
        error = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (!error)
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    if (!error)
        error = posix_spawnp(child, program, &actions, &attributes, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    free(arguments[2]);
    return error;
}

/* The child's status; *late if it had to be ended. */
static int await(pid_t child, bool *late)
{
    double begun = kp_clock_monotonic();
    struct timespec pause = {.tv_nsec = 2000000};
    int status = 0;

    for (;;) {
        pid_t got = waitpid(child, &status, *late ? 0 : WNOHANG);
        if (got == child)
            return status;
        if (got < 0 && errno != EINTR)
            return -1;
        if (!*late && kp_clock_monotonic() - begun > SECONDS) {
            *late = true;
            (void)kill(child, SIGKILL);
        } else if (!*late) {
            (void)nanosleep(&pause, NULL);
            if (pause.tv_nsec < 50000000)
                pause.tv_nsec *= 2;
        }
    }
}

/* What gnuplot wrote: on one line, without the lines that only point at a column. */
static void read_words(int from, char *out, size_t size)
{
    char raw[4096];
    ssize_t n = pread(from, raw, sizeof raw - 1, 0);
    size_t at = 0;

    raw[n > 0 ? n : 0] = '\0';
    for (char *rest = raw, *line; (line = strsep(&rest, "\n"));) {
        line += strspn(line, " \t^");
        if (!*line)
            continue;
        if (at > 0 && at + 2 < size) {
            out[at++] = ';';
            out[at++] = ' ';
        }
        for (; *line && at + 1 < size; line++)
            out[at++] = (unsigned char)*line < 0x20 ? ' ' : *line;
    }
    out[at] = '\0';
}

enum kp_status kp_gnuplot_run(const char *folder, const char *script, bool *there,
                              struct kp_error *e)
{
    char words[1200];
    bool late = false;
    pid_t child = -1;
    int log = memfd_create("gnuplot", MFD_CLOEXEC);
    enum kp_status st = KP_OK;

    if (log < 0)
        return kp_fail(e, KP_E_IO, "gnuplot: no memory for its words: %s", strerror(errno));
    int error = start(folder, script, log, &child);
    if (error == ENOENT && kp_file_exists(folder)) {
        *there = false;
        goto out;
    }
    *there = true;
    if (error) {
        st = kp_fail(e, KP_E_IO, "gnuplot: cannot be started in %s: %s", folder, strerror(error));
        goto out;
    }
    int status = await(child, &late);
    if (late)
        st = kp_fail(e, KP_E_IO, "gnuplot: ended after %g seconds", SECONDS);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        read_words(log, words, sizeof words);
        st = kp_fail(e, KP_E_FORMAT, "gnuplot: %s", *words ? words : "failed without a word");
    }
out:
    (void)close(log);
    return st;
}
