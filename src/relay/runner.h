/* The one way mail leaves. Every mail becomes an Entry and goes through relay_deliver(); whoever waits for
 * the result is only an observer of it. Loop thread. */
#pragma once

#include "mail/reply.h"
#include "queue/entry.h"
#include "relay/settings.h"
#include "relay/store_thread.h"
#include "relay/throttle.h"

#include <uv.h>

typedef struct Relay Relay;
typedef struct Waiter Waiter;

/* Embedded in whoever waits. */
struct Waiter {
    /* The mail is settled; reply is valid during the call. Comes once, never before relay_deliver() has returned,
     * and not after relay_abandon(). */
    void (*reply)(Waiter *self, const Reply *reply);

    /* The same for who gave several names (Envelope.asked), where they fare differently: n replies in his order. */
    void (*reply_each)(Waiter *self, const Reply *replies, guint n);

    /* False once nobody is there any more to read the reply. Asked before an API is called; NULL: always true. */
    bool (*is_there)(Waiter *self);
    gint64 wait_ms;       /* with DELIVERY_AUTO: what is not settled then is promised; 0: no limit */
    struct RelayJob *job; /* the relay's; NULL when there is nothing to wait for */
    struct Repeat *repeat; /* likewise: another client's job has the mail */
};

/* Takes a reference to settings. */
Relay *relay_new(uv_loop_t *loop, RelaySettings *settings);

/* Mail that comes from now on goes by these; what is on its way goes on by those it began with. An account of the same
 * name is the same account: what is known of it stays known, but a pause that only the operator can end is over. */
void relay_reload(Relay *self, RelaySettings *settings);

/* Takes store, where mail is kept from now on, and goes on with what is in it. Before any mail comes; without it
 * everything is delivered while its client waits, as with DELIVERY_WAIT. */
void relay_set_store(Relay *self, Store *store);

/* For others who look into it, or change it; NULL: there is none. Until relay_close(). */
StoreThread *relay_store(Relay *self);

/* Something in the store has become due by another's doing. */
void relay_wake(Relay *self);

/* Takes entry; its recipients are expanded and qualified here. waiter may be NULL. */
void relay_deliver(Relay *self, Entry *entry, Waiter *waiter);

/* The waiter leaves (nothing happens if it has its reply): what is with an API already ends as it ends, and is only
 * logged. What is not is dropped: its client was promised nothing and will try again. */
void relay_abandon(Waiter *waiter);

/* Before any mail comes, oldest first: what a journal tells of a mail that was answered 250 with text (wall time). It
 * is known when it comes again. id: of its entry, which may be in the store; or NULL. */
void relay_remember(Relay *self, const char *id, const char *digest, gint64 when_ms, const char *text);

/* The entry has ended without being delivered, to all: the same mail is not known any more. What the relay does not end
 * itself, or a journal tells. */
void relay_forget(Relay *self, const char *id);

/* Visits each account and how it does, in the order of the configuration. */
void relay_accounts(const Relay *self, void (*visit)(const Provider *account, const ThrottleStats *stats, void *user),
                    void *user);

/* The places among an account's calls, of which whoever else asks its API takes one, too. Borrowed until a reload. */
Throttle *relay_throttle(const Relay *self, const Provider *account);

/* Mails on their way. */
guint relay_size(const Relay *self);

/* Waits until nothing is on its way, at most limit_ms: what is left then is ended, and kept or answered 4xx. Nothing
 * more is taken out of the store. done comes once, never before this has returned. Mail that arrives meanwhile is still
 * taken; after done it is answered 451. */
void relay_drain(Relay *self, gint64 limit_ms, void (*done)(void *user), void *user);

/* Ends what is left, and closes everything; frees the relay once the loop has closed its handles. */
void relay_close(Relay *self);
