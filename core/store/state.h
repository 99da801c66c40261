/* state.h - what is behind struct kp_store. */
#ifndef KP_STORE_STATE_H
#define KP_STORE_STATE_H

#include "store/database.h"
#include "store/process.h"
#include "store/store.h"
#include "store/writer.h"

#include <pthread.h>

struct kp_store_key {
    char *name;
    int64_t id;
};

struct kp_store {
    char *path;
    char *folder;  /* path.d */
    char *warning; /* or NULL */
    struct kp_process self;

    pthread_mutex_t lock; /* of database */
    struct kp_database database;
    struct kp_writer *writer;

    pthread_mutex_t key_lock; /* of keys */
    struct kp_store_key *keys;
    int64_t key_count, key_capacity;
};

/* The id of a metric given to kp_store_metric() before; false if there is none. */
bool kp_store_key_id(struct kp_store *s, const char *name, int64_t *id);

/* With the write lock held: the id of a run that this process holds; refused if it does not. */
KP_NODISCARD enum kp_status kp_store_held_run(struct kp_store *s, const char *uid, int64_t *run,
                                              struct kp_error *e);

/* The columns host, boot, pid, pid_start, from column `first`. */
void kp_store_read_process(sqlite3_stmt *s, int first, struct kp_process *out);

extern const char *const kp_run_status_words[]; /* by enum kp_run_status */

#endif
