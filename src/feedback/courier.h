/* Hands a bounce over to whom it does not reach by mail, on a thread of its own: a server, a program or a disk that never
 * answers holds up nobody but itself. Loop thread. */
#pragma once

#include "provider/feedback_conf.h"

#include <uv.h>

typedef struct Courier Courier;

/* All are copied. */
typedef struct {
    const char *id, *sender; /* as in feedback/target.h */
    const GString *bytes;
} CourierLoad;

/* error: as of target_deliver(). Once, never before courier_start() has returned; the courier is gone then. */
typedef void (*CourierDone)(void *user, const GError *error);

Courier *courier_start(uv_loop_t *loop, const FeedbackConf *to, const CourierLoad *load, CourierDone done, void *user);

/* Nobody waits for it any more: done comes within two seconds, with G_FILE_ERROR_AGAIN if it is not known how it ends. */
void courier_stop(Courier *self);
