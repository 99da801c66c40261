/* running.c - which plugin's code a thread is in, for the report of a crash. */
#include "base/running.h"

_Thread_local struct kp_running kp_running;

const int kp_fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, 0};

void kp_running_mask(sigset_t *before)
{
    sigset_t set;

    (void)sigfillset(&set);
    for (int i = 0; kp_fault_signals[i]; i++)
        (void)sigdelset(&set, kp_fault_signals[i]);
    (void)pthread_sigmask(SIG_SETMASK, &set, before);
}
