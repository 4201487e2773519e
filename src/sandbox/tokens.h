/* The tokens that Arara's token endpoint has issued. Used by arara.c and arara_token.c on the
 * server's thread alone. */
#pragma once

#include <glib.h>

typedef struct Tokens Tokens;

Tokens *tokens_new(unsigned lifetime_s);
void tokens_free(Tokens *self);

/* A new token of the client; the string is valid until the next is issued. */
const char *tokens_issue(Tokens *self, const char *client);

/* Whose token it is; NULL if it is none or its time is over. */
const char *tokens_client(const Tokens *self, const char *token);
