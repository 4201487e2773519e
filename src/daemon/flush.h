/* A spool's bytes on their way to the disk, on a thread of the pool. Loop thread. */
#pragma once

#include "base/spool.h"
#include "io/worker.h"

/* error: NULL if they are there. finish: as it was asked for. */
typedef void (*FlushDone)(void *user, bool finish, const GError *error);

/* Writes what the spool holds; finish: nothing more comes. Nobody else may touch the spool meanwhile; it is held until
 * the end. done comes once, and not after work_cancel(). */
Work *flush_start(uv_loop_t *loop, Spool *spool, bool finish, FlushDone done, void *user);
