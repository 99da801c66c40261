/* process.c - which process holds a run, and whether it is still alive. */
#include "store/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_ID         36          /* characters */
#define FIRST_NAMESPACE 0xEFFFFFFCu /* the machine's own, PROC_PID_INIT_INO of the kernel */

/* Start of a process in clock ticks since boot, field 22 of /proc/PID/stat, and its state, field 3.
 * False if it cannot be read. */
static bool read_stat(int64_t pid, char *state, int64_t *started)
{
    char path[64], line[2048];
    long long start;

    (void)snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(line, 1, sizeof line - 1, f);
    (void)fclose(f);
    line[n] = '\0';
    /* The name, field 2, may hold spaces and parentheses of its own: count from the last one. */
    const char *rest = strrchr(line, ')');
    if (!rest || sscanf(rest + 1,
                        " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                        "%*s %lld",
                        state, &start) != 2)
        return false;
    *started = start;
    return true;
}

/* Containers on one machine share its boot id, and often its name, but number their processes each
 * from 1. */
static void add_namespace(struct kp_process *p)
{
    struct stat info;
    size_t length = strlen(p->boot);

    if (stat("/proc/self/ns/pid", &info) == 0 && info.st_ino != FIRST_NAMESPACE)
        (void)snprintf(p->boot + length, sizeof p->boot - length, " %lld", (long long)info.st_ino);
}

void kp_process_self(struct kp_process *out)
{
    char state;

    *out = (struct kp_process){.pid = getpid()};
    if (gethostname(out->host, sizeof out->host) != 0 || !out->host[0])
        (void)snprintf(out->host, sizeof out->host, "localhost");
    out->host[sizeof out->host - 1] = '\0';
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (f) {
        if (fscanf(f, "%63s", out->boot) != 1)
            out->boot[0] = '\0';
        (void)fclose(f);
    }
    add_namespace(out);
    if (!read_stat(out->pid, &state, &out->started))
        out->started = 0;
}

bool kp_process_alive(const struct kp_process *p, const struct kp_process *self, double silence)
{
    char state = 'R';
    int64_t started = 0;

    if (strcmp(p->boot, self->boot) != 0 || !*p->boot) {
        bool restarted =
            strcmp(p->host, self->host) == 0 && strncmp(p->boot, self->boot, BOOT_ID) != 0;
        return !restarted && silence < KP_PROCESS_SILENCE;
    }
    if (p->pid <= 0 || p->pid > INT32_MAX)
        return false;
    if (read_stat(p->pid, &state, &started))
        return started == p->started && state != 'Z' && state != 'X';
    /* /proc may hide the processes of other users. */
    return kill((pid_t)p->pid, 0) == 0 || errno == EPERM;
}

bool kp_process_same(const struct kp_process *a, const struct kp_process *b)
{
    return a->pid == b->pid && a->started == b->started && strcmp(a->boot, b->boot) == 0 &&
           strcmp(a->host, b->host) == 0;
}
