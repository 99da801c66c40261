/* interrupt.h - stop on request: Ctrl-C, SIGTERM, a closed terminal. */
#ifndef KP_APP_INTERRUPT_H
#define KP_APP_INTERRUPT_H

#include <stdbool.h>
#include <sys/types.h>

/* From now on the first request is only noted, and the second ends the process at once. */
void kp_interrupt_catch(void);

/* The same in a worker process: only SIGTERM from its parent counts, and the parent's end; nothing
 * is said. `parent` is the process that made it. */
void kp_interrupt_follow(pid_t parent);

bool kp_interrupt_wanted(void);

#endif
