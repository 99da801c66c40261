/* interrupt.h - stop on request: Ctrl-C, SIGTERM, a closed terminal. */
#ifndef KP_APP_INTERRUPT_H
#define KP_APP_INTERRUPT_H

#include <stdbool.h>

/* From now on the first request is only noted, and the second ends the process at once. */
void kp_interrupt_catch(void);

bool kp_interrupt_wanted(void);

#endif
