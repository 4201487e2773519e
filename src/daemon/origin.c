#include "daemon/origin.h"

#include "daemon/gate.h"

#include <arpa/inet.h>
#include <string.h>

static bool
parse_address(const char *text, Endpoint *endpoint)
{
    guint8 bytes[16];
    bool v6 = g_ascii_strncasecmp(text, "IPV6:", 5) == 0;

    if (inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? text + 5 : text, bytes) != 1)
        return false;
    endpoint_set_address(endpoint, v6 ? AF_INET6 : AF_INET, bytes, 0);
    return true;
}

static char *
said_or_null(const char *text)
{
    return text && *text ? g_strdup(text) : NULL;
}

const Reply *
origin_take(Origin *self, const SmtpOrigin *said, const Listen *listen)
{
    static const Reply bad = { 501, "5.5.4", (char *) "Bad address" };
    static const Reply denied = { 554, "5.7.1", (char *) "Access denied" };
    Endpoint endpoint;

    if (said->address && *said->address) {
        if (!parse_address(said->address, &endpoint))
            return &bad;
        if (listen && !gate_is_in(listen->networks, &endpoint))
            return &denied;
        endpoint_host(&endpoint, self->client);
        endpoint_client_key(&endpoint, self->key);
    }
    g_free(self->helo);
    self->helo = said_or_null(said->helo);
    g_free(self->login);
    self->login = said_or_null(said->login);
    return NULL;
}

void
origin_clear(Origin *self)
{
    g_free(self->helo);
    g_free(self->login);
    *self = (Origin) { 0 };
}
