/* Clients that are turned away before there is a session. Loop thread. */
#pragma once

#include "io/conn.h"
#include "mail/reply.h"

/* What has been logged; zero at the beginning. */
typedef struct {
    gint64 logged_ms;
    guint unlogged;
} RefusalLog;

/* At most one line a second: a flood of clients is no flood of lines. */
void refusal_log(RefusalLog *self, const char *listener, const char *client, const Reply *reply);

/* Says why and closes. What the client has sent is read first: closing over it would be a reset. */
void refusal_say(Conn *conn, const Reply *reply);

/* Whether the client did not wait for its greeting. */
bool refusal_has_talked(const Conn *conn);
