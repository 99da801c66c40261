/* crash.h - a crash of this process: told with the plugin whose code it was in, and recorded. */
#ifndef KP_APP_CRASH_H
#define KP_APP_CRASH_H

#include "host/registry.h"

/* From now on a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) is told on standard error before
 * it ends the process: "kappa: objective 'x' crashed in loss: segmentation fault (SIGSEGV)". A
 * stack that is full is told of on the calling thread alone. False: out of memory. */
bool kp_crash_catch(int argc, char **argv);

/* From now on, after a fault in a plugin's code, the program is begun anew in this process, because
 * its memory is not to be trusted and the kernel lets go of its locks. It first records in the
 * database what the crash was: the runs that this process holds and that use the plugin have
 * failed, the others can be continued. Then it is the command again, with its runs in other
 * processes; a `worker` says nothing and ends by the signal, for its parent to see. The path and
 * the registry must stay until the process ends. */
void kp_crash_record(const char *database, const struct kp_registry *registry, bool worker);

/* Begin it anew in the same way after something else that only a new process gets over, as the loss
 * of a device. No database may be open. Returns only if it cannot. */
void kp_crash_begin_anew(void);

/* Was the program begun anew? Then record the crash. True: go on with the command line that is left
 * in *argc and *argv. False: end with the exit status *code. */
bool kp_crash_resume(int *argc, char ***argv, int *code);

/* This command was begun anew. */
bool kp_crash_resumed(void);

#endif
