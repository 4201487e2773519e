#include "relay/world.h"

DeliveryWorld *
world_new(RelaySettings *settings)
{
    DeliveryWorld *self = g_new0(DeliveryWorld, 1);

    self->refs = 1;
    self->settings = relay_settings_ref(settings);
    self->throttles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) throttle_free);
    self->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) token_free);
    return self;
}

static Throttle *
throttle_of(const DeliveryWorld *self, const Provider *account, const DeliveryWorld *before)
{
    Throttle *known = before ? g_hash_table_lookup(before->throttles, account->name) : NULL;

    if (!known)
        return throttle_new(self->loop, account);
    throttle_adopt(known, account);
    return throttle_ref(known);
}

void
world_open(DeliveryWorld *self, uv_loop_t *loop, const DeliveryWorld *before)
{
    const RelaySettings *settings = self->settings;
    guint calls = 0;

    self->loop = loop;
    for (guint i = 0; i < settings->accounts->len; i++) {
        const Provider *account = settings->accounts->pdata[i];
        g_hash_table_insert(self->throttles, g_strdup(account->name), throttle_of(self, account, before));
        calls += account->limits.calls;
    }
    const HttpConf conf = relay_conf_http(&settings->conf, calls); /* each account may fill its own limit */
    self->http = http_client_new(loop, &conf);
    for (guint i = 0; i < settings->accounts->len; i++) {
        const Provider *account = settings->accounts->pdata[i];
        if (account->driver->login)
            g_hash_table_insert(self->tokens, g_strdup(account->name), token_new(self->http, account));
    }
}

DeliveryWorld *
world_ref(DeliveryWorld *self)
{
    self->refs++;
    return self;
}

static void
close_token(gpointer account, gpointer token, gpointer user)
{
    token_close(token);
}

void
world_close(DeliveryWorld *self)
{
    g_hash_table_foreach(self->tokens, close_token, NULL);
    if (self->http)
        http_client_close(g_steal_pointer(&self->http));
}

void
world_unref(DeliveryWorld *self)
{
    if (--self->refs > 0)
        return;
    world_close(self);
    g_hash_table_unref(self->throttles);
    g_hash_table_unref(self->tokens);
    relay_settings_free(self->settings);
    g_free(self);
}
