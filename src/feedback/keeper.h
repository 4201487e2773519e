/* The only user of the FeedbackStore while the daemon runs: tasks run on a worker, one at a time, each in a transaction
 * of its own. A damaged database is set aside, a new one begun. Loop thread. */
#pragma once

#include "queue/feedback_store.h"

#include <uv.h>

typedef struct FeedbackKeeper FeedbackKeeper;

typedef struct {
    /* On a worker: user belongs to it until done. False sets error and undoes what it wrote. */
    bool (*run)(FeedbackStore *store, void *user, GError **error);

    /* On the loop, exactly once, never before keeper_do() has returned. error NULL: what was written is durable. */
    void (*done)(void *user, const GError *error);
} KeeperTask;

/* Opens folder/feedback.db with the first task. */
FeedbackKeeper *keeper_new(uv_loop_t *loop, const char *folder);

/* task is borrowed until done; in the order of calls. There is no cancelling: user must live until then. */
void keeper_do(FeedbackKeeper *self, const KeeperTask *task, void *user);

/* No task may be given any more; those given are done first. NULL is fine. */
void keeper_close(FeedbackKeeper *self);
