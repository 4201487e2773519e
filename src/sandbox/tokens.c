#include "sandbox/tokens.h"

typedef struct {
    char *client;
    gint64 end_us;              /* of the monotonic clock */
} Token;

struct Tokens {
    GHashTable *table;          /* token -> Token */
    unsigned lifetime_s;
    unsigned uuids;
};

static void
token_free(void *data)
{
    Token *self = data;

    g_free(self->client);
    g_free(self);
}

Tokens *
tokens_new(unsigned lifetime_s, unsigned uuids)
{
    Tokens *self = g_new0(Tokens, 1);

    self->table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, token_free);
    self->lifetime_s = lifetime_s;
    self->uuids = uuids;
    return self;
}

void
tokens_free(Tokens *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->table);
    g_free(self);
}

static gboolean
is_over(void *key, void *value, void *user)
{
    const Token *token = value;
    const gint64 *now_us = user;

    return token->end_us <= *now_us;
}

const char *
tokens_issue(Tokens *self, const char *client)
{
    gint64 now_us = g_get_monotonic_time();
    GString *text = g_string_new("eyJ");
    Token *token = g_new0(Token, 1);

    g_hash_table_foreach_remove(self->table, is_over, &now_us);
    for (unsigned i = 0; i < self->uuids; i++) {
        g_autofree char *uuid = g_uuid_string_random();
        g_string_append(text, uuid);
    }
    token->client = g_strdup(client);
    token->end_us = now_us + (gint64) self->lifetime_s * G_USEC_PER_SEC;
    char *key = g_string_free(text, FALSE);
    g_hash_table_insert(self->table, key, token);
    return key;
}

const char *
tokens_client(const Tokens *self, const char *text)
{
    const Token *token = g_hash_table_lookup(self->table, text);

    return token && token->end_us > g_get_monotonic_time() ? token->client : NULL;
}

void
tokens_end(Tokens *self, const char *text)
{
    g_hash_table_remove(self->table, text);
}
