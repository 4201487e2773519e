/* The tokens that a token endpoint has issued. Used by arara.c, arara_token.c and blast.c
 * on the server's thread alone. */
#pragma once

#include <glib.h>

typedef struct Tokens Tokens;

/* Tokens are as long as that number of UUIDs, and a little. */
Tokens *tokens_new(unsigned lifetime_s, unsigned uuids);
void tokens_free(Tokens *self);

/* A new token of the client; the string is valid until the next is issued. */
const char *tokens_issue(Tokens *self, const char *client);

/* Whose token it is; NULL if it is none or its time is over. */
const char *tokens_client(const Tokens *self, const char *token);

/* Makes it none. */
void tokens_end(Tokens *self, const char *token);
