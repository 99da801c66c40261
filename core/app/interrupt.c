/* interrupt.c - stop on request: Ctrl-C, SIGTERM, a closed terminal. */
#include "app/interrupt.h"

#include "app/output.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

static atomic_int requests;

/* Only what is safe in a signal handler. */
static void on_request(int number)
{
    static const char text[] =
        "\nkappa: stopping; the step is finished and the state saved (again: stop at once)\n";
    int saved = errno;

    (void)number;
    if (atomic_fetch_add(&requests, 1) > 0)
        _exit(KP_EXIT_INTERRUPTED);
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        errno = saved; /* nobody reads it */
    errno = saved;
}

void kp_interrupt_catch(void)
{
    struct sigaction before;
    struct sigaction ours = {.sa_handler = on_request, .sa_flags = SA_RESTART};

    (void)sigemptyset(&ours.sa_mask);
    (void)sigaction(SIGINT, &ours, NULL);
    (void)sigaction(SIGTERM, &ours, NULL);
    /* A hang-up that the caller chose to ignore (nohup) stays ignored. */
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        (void)sigaction(SIGHUP, &ours, NULL);
}

static void on_parent(int number)
{
    (void)number;
    if (atomic_fetch_add(&requests, 1) > 0)
        _exit(KP_EXIT_INTERRUPTED);
}

void kp_interrupt_follow(pid_t parent)
{
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    struct sigaction ours = {.sa_handler = on_parent, .sa_flags = SA_RESTART};

    (void)sigemptyset(&ignored.sa_mask);
    (void)sigemptyset(&ours.sa_mask);
    /* The terminal sends these to the whole group; the parent tells its workers once. */
    (void)sigaction(SIGINT, &ignored, NULL);
    (void)sigaction(SIGHUP, &ignored, NULL);
    (void)sigaction(SIGTERM, &ours, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        (void)raise(SIGTERM);
}

bool kp_interrupt_wanted(void)
{
    return atomic_load(&requests) > 0;
}
