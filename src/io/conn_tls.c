#include "io/conn.h"

#include "io/conn_state.h"

#include <string.h>

void
conn_flush_tls(Conn *self)
{
    GByteArray *output = self->tls ? tls_take_output(self->tls) : NULL;

    if (!output)
        return;
    conn_send_raw(self, (const char *) output->data, output->len);
    g_byte_array_unref(output);
}

void
conn_break_tls(Conn *self, const char *why)
{
    conn_flush_tls(self);
    if (self->ops->insecure)
        self->ops->insecure(self->user, why);
    conn_destroy(self);
}

static void
on_tls_event(Conn *self, TlsEvent event, char *plain, size_t n)
{
    if (event == TLS_BYTES)
        self->ops->bytes(self->user, plain, n);
    else if (event == TLS_READY)
        self->ops->secured(self->user, tls_facts(self->tls), tls_has_input(self->tls));
    else if (event == TLS_ENDED)
        conn_end(self);
    else if (event == TLS_BROKEN)
        conn_break_tls(self, tls_failure(self->tls));
}

/* What the owner writes meanwhile leaves in one piece with what TLS itself has to say. */
void
conn_deliver_tls(Conn *self, const char *bytes, size_t n)
{
    static _Thread_local char plain[CONN_READ_BYTES];
    TlsEvent event = TLS_READY;

    self->in_bytes = true;
    tls_put(self->tls, bytes, n);
    while (self->state == CONN_OPEN && !self->ended && event != TLS_WAITS) {
        size_t got = 0;
        event = tls_get(self->tls, plain, sizeof plain, &got);
        on_tls_event(self, event, plain, got);
        /* There may have been a password. */
        explicit_bzero(plain, got);
    }
    tls_put(self->tls, NULL, 0);
    self->in_bytes = false;
    conn_uncork(self);
    conn_flush_tls(self);
}

void
conn_farewell(Conn *self)
{
    if (self->tls) {
        tls_close(self->tls);
        conn_flush_tls(self);
    }
}

void
conn_secure(Conn *self, TlsContext *context)
{
    conn_send_corked(self);
    self->tls = tls_new(context);
}
