/* running.h - which plugin's code a thread is in, for the report of a crash. */
#ifndef KP_BASE_RUNNING_H
#define KP_BASE_RUNNING_H

#include <signal.h>
#include <stdatomic.h>

/* The texts live as long as the plugin, that is, until the process ends. */
struct kp_running {
    const char *kind;  /* as table run_plugin has it: "model", "objective", "metric", "analysis",
                          "dataset", "op"; NULL: no plugin's code */
    const char *name;  /* of the definition */
    const char *phase; /* the function of the definition: "build", "loss", ... */
};

/* Of the calling thread; a signal handler may read it. */
extern _Thread_local struct kp_running kp_running;

/* Execute a statement that calls a function of a plugin. Calls may be nested:
 *   KP_IN_PLUGIN("model", def->name, "build", st = def->build(self, b, io)); */
#define KP_IN_PLUGIN(kind, name, phase, statement)                 \
    do {                                                           \
        const struct kp_running kp_outer = kp_running;             \
        kp_running = (struct kp_running){(kind), (name), (phase)}; \
        atomic_signal_fence(memory_order_seq_cst);                 \
        statement;                                                 \
        atomic_signal_fence(memory_order_seq_cst);                 \
        kp_running = kp_outer;                                     \
    } while (0)

/* Block every signal but those that a fault in a thread itself raises, for a thread that leaves the
 * others to the one that starts it; *before is for pthread_sigmask(). */
void kp_running_mask(sigset_t *before);

/* The signals of a fault: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT; 0 behind the last. */
extern const int kp_fault_signals[];

#endif
