/* pool.h - threads that share out numbered tasks. */
#ifndef KP_BASE_POOL_H
#define KP_BASE_POOL_H

#include "base/error.h"

struct kp_pool;

/* A pool of `threads` >= 1 workers, the caller of kp_pool_run() counted as one. */
KP_NODISCARD enum kp_status kp_pool_create(int threads, struct kp_pool **out, struct kp_error *e);
void kp_pool_destroy(struct kp_pool *p);
int kp_pool_threads(const struct kp_pool *p);

/* Call fn(arg, task, worker) for every task in [0, tasks), worker in [0, threads); returns when all
 * are done. Which worker does which task is not fixed: results must not depend on it. No
 * allocation. One caller at a time. Idle workers wait a moment actively, then asleep. */
void kp_pool_run(struct kp_pool *p, int64_t tasks, void (*fn)(void *arg, int64_t task, int worker),
                 void *arg);

/* Cores that this process may use. */
int kp_cpu_count(void);

#endif
