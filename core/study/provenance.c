/* provenance.c - what made a run. */
#include "study/provenance.h"

#include "study/version.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Run git with its standard output in the pipe's end; its messages are nobody's business. */
static bool spawn_git(const char *folder, const int pipe[2], pid_t *pid)
{
    char program[] = "git", in[] = "-C", no_locks[] = "--no-optional-locks", status[] = "status",
         format[] = "--porcelain=v2", branch[] = "--branch", tracked[] = "--untracked-files=no";
    char *where = strdup(folder);
    char *const argv[] = {program, no_locks, in, where, status, format, branch, tracked, NULL};
    posix_spawn_file_actions_t actions;
    bool started;

    if (!where)
        return false;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    started = posix_spawnp(pid, program, &actions, NULL, argv, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    free(where);
    return started;
}

/* "# branch.oid HASH", then a line for each changed file among others that begin with "#". */
static void read_status(FILE *f, struct kp_provenance *out)
{
    static const char head[] = "# branch.oid ";
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, f) > 0) {
        if (strncmp(line, head, strlen(head)) == 0 && line[strlen(head)] != '(') {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(out->revision, sizeof out->revision, "%s", line + strlen(head));
        } else if (line[0] != '#') {
            out->dirty = true;
        }
    }
    free(line);
}

static void ask_git(const char *folder, struct kp_provenance *out)
{
    struct kp_provenance found = *out;
    int ends[2], status = -1;
    pid_t pid = 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    bool started = spawn_git(folder, ends, &pid);
    (void)close(ends[1]);
    FILE *f = started ? fdopen(ends[0], "r") : NULL;
    if (f) {
        read_status(f, &found);
        (void)fclose(f);
    } else {
        (void)close(ends[0]);
    }
    while (started && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && found.revision[0])
        *out = found;
}

void kp_provenance_find(const char *experiment, struct kp_provenance *out)
{
    struct kp_text versions = {0};
    struct kp_error unreadable = {0};
    const char *slash = strrchr(experiment, '/');
    char *folder = slash ? strndup(experiment, (size_t)(slash - experiment) + 1) : strdup(".");

    *out = (struct kp_provenance){0};
    kp_version_text(&versions);
    (void)snprintf(out->versions, sizeof out->versions, "%s", versions.s ? versions.s : "");
    kp_text_finish(&versions);
    if (kp_hash_file("/proc/self/exe", out->build, &unreadable) != KP_OK)
        out->build[0] = '\0';
    if (folder)
        ask_git(folder, out);
    free(folder);
}

void kp_provenance_record(const struct kp_provenance *p, struct kp_attempt_row *out)
{
    out->versions = p->versions;
    out->build = p->build[0] ? p->build : NULL;
    out->git_revision = p->revision[0] ? p->revision : NULL;
    out->git_dirty = p->dirty;
}
