/* The only user of the Store while the daemon runs: a thread with a mailbox. What has gathered there when the thread
 * looks is committed as one group, so that a hundred mails cost one fsync; completions come on the loop. */
#pragma once

#include "queue/store.h"

#include <uv.h>

typedef struct StoreThread StoreThread;

typedef struct {
    /* On the store's thread, within the group's transaction; user belongs to it until done. False sets error, undoes
     * what it wrote, and leaves the group's other tasks alone. */
    bool (*run)(Store *store, void *user, GError **error);

    /* On the loop's thread, exactly once, never before store_thread_do() has returned. error NULL: what run() wrote is
     * durable. */
    void (*done)(void *user, const GError *error);
} StoreTask;

/* Takes store. */
StoreThread *store_thread_new(uv_loop_t *loop, Store *store);

/* task is borrowed until done. There is no cancelling: user must live until then. In the order of calls. The loop stays
 * alive while there are tasks. */
void store_thread_do(StoreThread *self, const StoreTask *task, void *user);

/* The store itself, for store_stage() and store_unstage() on a worker. */
const Store *store_thread_store(const StoreThread *self);

/* Tasks that are not done. */
guint store_thread_size(const StoreThread *self);

/* No task may be given any more; those given are done first. Then the store is closed, and memory is freed on the loop.
 * NULL is fine. */
void store_thread_close(StoreThread *self);
