/* process.h - which process holds a run, and whether it is still alive. */
#ifndef KP_STORE_PROCESS_H
#define KP_STORE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct kp_process {
    char host[256];
    char boot[64]; /* the kernel's boot id; in a container also its process namespace */
    int64_t pid;
    int64_t started; /* clock ticks since boot: another process with a reused pid differs */
};

void kp_process_self(struct kp_process *out);

/* Whether `p`, last heard of `silence` seconds ago, may still be running. One that this process can
 * see is looked up, whatever the clocks say. One on another host, or in another container of this
 * one, counts as gone after KP_PROCESS_SILENCE seconds. */
bool kp_process_alive(const struct kp_process *p, const struct kp_process *self, double silence);

bool kp_process_same(const struct kp_process *a, const struct kp_process *b);

#define KP_PROCESS_SILENCE \
    600.0 /* far above the writer's heartbeat, and above clocks that differ */

#endif
