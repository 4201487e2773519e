#include "daemon/refusal.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/figures.h"

#include <sys/socket.h>

enum { LOG_MS = 1000 };

void
refusal_log(RefusalLog *self, const char *listener, const char *client, const Reply *reply)
{
    gint64 now = clock_monotonic();

    figures_refused(listener, reply->text);
    if (self->logged_ms > 0 && now - self->logged_ms < LOG_MS) {
        self->unlogged++;
        return;
    }
    log_event(LOG_NOTICE, "refused", "client", client, "listener", listener, "dsn", reply->dsn, "text", reply->text,
              "others", self->unlogged > 0 ? LOG_NUM(self->unlogged) : NULL, NULL);
    self->logged_ms = now;
    self->unlogged = 0;
}

void
refusal_say(Conn *conn, const Reply *reply)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char sink[4096];

    for (guint i = 0; i < 16 && recv(conn_fd(conn), sink, sizeof sink, MSG_DONTWAIT) > 0; i++)
        ;
    reply_print(reply, text);
    conn_write(conn, text->str, text->len);
    conn_close_now(conn);
}

bool
refusal_has_talked(const Conn *conn)
{
    char byte;

    return recv(conn_fd(conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}
