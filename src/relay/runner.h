/* The one way mail leaves. Every mail becomes an Entry and goes through relay_deliver(); whoever waits for
 * the result is only an observer of it. Loop thread. */
#pragma once

#include "mail/reply.h"
#include "queue/entry.h"
#include "relay/settings.h"

#include <uv.h>

typedef struct Relay Relay;
typedef struct Waiter Waiter;

/* Embedded in whoever waits. */
struct Waiter {
    /* The mail is settled; reply is valid during the call. Comes once, never before relay_deliver() has returned,
     * and not after relay_abandon(). */
    void (*reply)(Waiter *self, const Reply *reply);

    /* False once nobody is there any more to read the reply. Asked before an API is called; NULL: always true. */
    bool (*is_there)(Waiter *self);
    struct RelayJob *job; /* the relay's; NULL when there is nothing to wait for */
    struct Repeat *repeat; /* likewise: another client's job has the mail */
};

/* settings are borrowed until the loop has run to its end. */
Relay *relay_new(uv_loop_t *loop, const RelaySettings *settings);

/* Takes entry; its recipients are expanded and qualified here. waiter may be NULL. */
void relay_deliver(Relay *self, Entry *entry, Waiter *waiter);

/* The waiter leaves (nothing happens if its mail is settled): what is with an API already ends as it ends, and is only
 * logged. What is not is dropped: its client was promised nothing and will try again. */
void relay_abandon(Waiter *waiter);

/* Mails on their way. */
guint relay_size(const Relay *self);

/* Waits until nothing is on its way, at most limit_ms: what is left then is ended and answered 4xx. done comes
 * once, never before this has returned. Mail that arrives meanwhile is still taken; after done it is answered 451. */
void relay_drain(Relay *self, gint64 limit_ms, void (*done)(void *user), void *user);

/* Ends what is left, and closes everything; frees the relay once the loop has closed its handles. */
void relay_close(Relay *self);
