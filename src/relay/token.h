/* The login of an account whose API wants a token: one for all of its attempts, renewed early, and again when the
 * API refuses it. Loop thread. */
#pragma once

#include "http/client.h"
#include "provider/provider.h"

typedef struct Token Token;

/* Embedded in who waits for a token, and must stay where it is. */
typedef struct TokenWait {
    /* token is valid during the call; NULL: there is none, and why. Comes once, not after token_forget(). */
    void (*ready)(struct TokenWait *self, const Secret *token, const Outcome *refusal);
    GList link; /* the rest is the token's */
    bool waiting;
} TokenWait;

/* For an account whose driver has a login. */
Token *token_new(HttpClient *http, const Provider *provider);

/* Ends a login that is on its way; nobody may wait any more. */
void token_close(Token *self);

/* Closes it, too; NULL is fine. */
void token_free(Token *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Token, token_free)

/* The token, valid until others get a turn; or NULL: ready() comes later. */
const Secret *token_get(Token *self, TokenWait *wait);

/* Leaves the line; nothing happens if wait is not in it. */
void token_forget(Token *self, TokenWait *wait);

/* The API would not take it: it is not given to anyone again. Nothing happens if there is another by now. */
void token_refused(Token *self, const Secret *token);
