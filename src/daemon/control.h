/* The operator's socket: one JSON object a line comes in, lines of JSON go out, the last of each answer has "done".
 * For root and the daemon's own user. Answers come in pages, so that neither the queue's length nor a slow reader costs
 * memory. Loop thread. Requests, by their "do":
 *   list    sender, recipient, held, after    entries; done has more: the id to go on after
 *   show    id, after                         an entry, and its recipients from place `after` on
 *   change  action, ids                       retry, hold, release or delete; a row each
 *   flush   sender, recipient                 all that wait become due; done has n, and more: true
 *   trace   what                              ids of the mails that it belongs to
 *   lines   id, after                         what happened to a mail
 *   stats                                     one object
 *   suppressions  action, account, address, … list, show, add or remove */
#pragma once

#include "relay/journal.h"
#include "relay/runner.h"
#include "relay/store_thread.h"

typedef struct Control Control;

/* What requests look at. */
typedef struct {
    uv_loop_t *loop;
    Relay *relay;
    void (*wake)(Relay *relay); /* something has become due by another's doing */
    StoreThread *store;         /* NULL: there is none */
    Journal *journal;           /* likewise */
    gint64 started_ms;
    const char *folder;         /* of feedback.db */
} ControlHub;

/* hub is copied. Sets an IoError. */
Control *control_open(const ControlHub *hub, const char *path, GError **error);

/* Requests on their way end without anybody reading the answer; journal and store must live until the loop has run
 * out of them. NULL is fine. */
void control_close(Control *self);
