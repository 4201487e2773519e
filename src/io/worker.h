/* Runs a function on libuv's thread pool and tells the loop when it is done. For work that blocks
 * (disk, name look-ups) or takes long (parsing): the loop's thread does neither. What is handed
 * over belongs to the work alone until its completion: no locks anywhere. Loop thread. */
#pragma once

#include <uv.h>

typedef struct Work Work;
typedef struct WorkLane WorkLane;

typedef struct {
    /* On a pool thread, with a stack as large as the main thread's. */
    void (*run)(void *user);

    /* On the loop's thread, exactly once, never before work_start() has returned. user is the
     * caller's again. Does not come after work_cancel(). */
    void (*done)(void *user);

    /* On the loop's thread, in place of done when the work was cancelled, once no other thread uses user. */
    void (*free)(void *user);
} WorkOps;

/* ops is borrowed until the end. Cannot fail: the queue of the pool has no limit. */
Work *work_start(uv_loop_t *loop, const WorkOps *ops, void *user);

/* For work of a few microseconds, which is less than waking a thread and the loop costs: what is given to a lane
 * while the loop is awake, or while the lane is busy, runs as one piece of work, in order. */
WorkLane *work_lane_new(uv_loop_t *loop);

/* As work_start(). */
Work *work_lane_start(WorkLane *lane, const WorkOps *ops, void *user);

/* Nothing may be started any more. The lane is freed when its work has been. NULL is fine. */
void work_lane_close(WorkLane *lane);

/* Gives up on a result and clears the pointer; NULL inside is fine. Work that runs already runs to its end. The
 * loop stays alive until the work has been freed. */
void work_cancel(Work **work);
