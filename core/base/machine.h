/* machine.h - what there is of the machine. */
#ifndef KP_BASE_MACHINE_H
#define KP_BASE_MACHINE_H

#include <stddef.h>

/* Bytes of memory that this process may use: the machine's, or those of its control group where
 * that has a limit. */
size_t kp_machine_memory(void);

#endif
