#include "io/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static bool
bad(GError **error, const char *text, const char *reason)
{
    g_set_error(error, IO_ERROR, IO_ERROR_SYNTAX, "'%s': %s", text, reason);
    return false;
}

static bool
parse_number(const char *text, guint max, guint *number)
{
    guint64 value = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 0, max, &value, NULL))
        return false;
    *number = (guint) value;
    return true;
}

/* --- endpoints ----------------------------------------------------------------------------------- */

static bool
parse_path(const char *text, Endpoint *endpoint, GError **error)
{
    if (strlen(text) >= sizeof endpoint->addr.un.sun_path)
        return bad(error, text, "path is too long for a socket");
    endpoint->addr.un.sun_family = AF_UNIX;
    strcpy(endpoint->addr.un.sun_path, text);
    endpoint->length = sizeof endpoint->addr.un;
    return true;
}

static bool
parse_host(const char *text, const char *host, guint port, Endpoint *endpoint, GError **error)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char service[8];

    g_snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(host, service, &hints, &found);
    if (failed)
        return bad(error, text, gai_strerror(failed));
    memcpy(&endpoint->addr, found->ai_addr, MIN(found->ai_addrlen, sizeof endpoint->addr));
    endpoint->length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool
endpoint_parse(const char *text, Endpoint *endpoint, GError **error)
{
    const char *colon = strrchr(text, ':');
    guint port;

    memset(endpoint, 0, sizeof *endpoint);
    if (text[0] == '/')
        return parse_path(text, endpoint, error);
    if (!colon || colon == text)
        return bad(error, text, "want host:port, [v6]:port or a path");
    if (!parse_number(colon + 1, 65535, &port))
        return bad(error, text, "the port must be a number up to 65535");

    g_autofree char *host = g_strndup(text, (gsize) (colon - text));
    size_t n = strlen(host);
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        return parse_host(text, host + 1, port, endpoint, error);
    }
    if (strchr(host, ':'))
        return bad(error, text, "an IPv6 address needs brackets: [v6]:port");
    return parse_host(text, strcmp(host, "*") == 0 ? "::" : host, port, endpoint, error);
}

/* A dual-stack socket shows IPv4 clients as ::ffff:a.b.c.d. */
static void
unmap(Endpoint *self)
{
    if (self->addr.any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&self->addr.v6.sin6_addr))
        return;
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = self->addr.v6.sin6_port };
    memcpy(&v4.sin_addr, &self->addr.v6.sin6_addr.s6_addr[12], 4);
    self->addr.v4 = v4;
    self->length = sizeof v4;
}

void
endpoint_set_address(Endpoint *self, int family, const void *bytes, guint port)
{
    memset(self, 0, sizeof *self);
    self->addr.any.sa_family = (sa_family_t) family;
    if (family == AF_INET) {
        self->addr.v4.sin_port = htons((guint16) port);
        memcpy(&self->addr.v4.sin_addr, bytes, 4);
        self->length = sizeof self->addr.v4;
        return;
    }
    self->addr.v6.sin6_port = htons((guint16) port);
    memcpy(&self->addr.v6.sin6_addr, bytes, 16);
    self->length = sizeof self->addr.v6;
    unmap(self);
}

typedef int (*NameOf)(int fd, struct sockaddr *addr, socklen_t *length);

static bool
endpoint_name(int fd, NameOf name_of, Endpoint *endpoint)
{
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->length = sizeof endpoint->addr;
    if (name_of(fd, &endpoint->addr.any, &endpoint->length) < 0)
        return false;
    unmap(endpoint);
    return true;
}

bool
endpoint_local(int fd, Endpoint *endpoint)
{
    return endpoint_name(fd, getsockname, endpoint);
}

bool
endpoint_peer(int fd, Endpoint *endpoint)
{
    return endpoint_name(fd, getpeername, endpoint);
}

/* The address alone; n is its length. */
static const void *
endpoint_bytes(const Endpoint *self, size_t *n)
{
    if (self->addr.any.sa_family == AF_INET) {
        *n = 4;
        return &self->addr.v4.sin_addr;
    }
    if (self->addr.any.sa_family == AF_INET6) {
        *n = 16;
        return &self->addr.v6.sin6_addr;
    }
    *n = 0;
    return NULL;
}

bool
endpoint_equal(const Endpoint *a, const Endpoint *b)
{
    size_t n, m;

    if (a->addr.any.sa_family != b->addr.any.sa_family)
        return false;
    if (endpoint_is_unix(a))
        return strcmp(a->addr.un.sun_path, b->addr.un.sun_path) == 0;
    const void *left = endpoint_bytes(a, &n);
    const void *right = endpoint_bytes(b, &m);
    return n > 0 && memcmp(left, right, n) == 0 && endpoint_port(a) == endpoint_port(b);
}

bool
endpoint_is_unix(const Endpoint *self)
{
    return self->addr.any.sa_family == AF_UNIX;
}

bool
endpoint_is_loopback(const Endpoint *self)
{
    if (self->addr.any.sa_family == AF_INET)
        return ntohl(self->addr.v4.sin_addr.s_addr) >> 24 == 127;
    return self->addr.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&self->addr.v6.sin6_addr);
}

guint
endpoint_port(const Endpoint *self)
{
    if (self->addr.any.sa_family == AF_INET)
        return ntohs(self->addr.v4.sin_port);
    return self->addr.any.sa_family == AF_INET6 ? ntohs(self->addr.v6.sin6_port) : 0;
}

const char *
endpoint_host(const Endpoint *self, char text[ENDPOINT_TEXT_BYTES])
{
    size_t n;
    const void *bytes = endpoint_bytes(self, &n);

    if (endpoint_is_unix(self))
        g_strlcpy(text, self->addr.un.sun_path, ENDPOINT_TEXT_BYTES);
    else if (!bytes || !inet_ntop(self->addr.any.sa_family, bytes, text, ENDPOINT_TEXT_BYTES))
        g_strlcpy(text, "unknown", ENDPOINT_TEXT_BYTES);
    return text;
}

void
endpoint_client_key(const Endpoint *self, guint8 key[16])
{
    size_t n;
    const void *bytes = endpoint_bytes(self, &n);

    memset(key, 0, 16);
    if (n > 0)
        memcpy(key + 8, bytes, n == 4 ? 4 : 8);
    key[0] = (guint8) n;
}

void
endpoint_network_key(const guint8 client[16], guint8 key[16])
{
    size_t kept = client[0] == 4 ? 3 : 6;

    memset(key, 0, 16);
    memcpy(key + 8, client + 8, kept);
    key[0] = client[0];
}

/* --- networks ------------------------------------------------------------------------------------ */

static bool
match(const guint8 *bytes, const guint8 *prefix, guint bits)
{
    guint whole = bits / 8, rest = bits % 8;

    if (memcmp(bytes, prefix, whole) != 0)
        return false;
    return rest == 0 || ((bytes[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static bool
is_prefix(const Network *self, guint all)
{
    for (guint bit = self->bits; bit < all; bit++) {
        if (self->bytes[bit / 8] & (0x80 >> (bit % 8)))
            return false;
    }
    return true;
}

static void
unmap_network(Network *self)
{
    static const guint8 mapped[12] = { [10] = 0xFF, [11] = 0xFF };

    if (self->family != AF_INET6 || self->bits < 96 || memcmp(self->bytes, mapped, sizeof mapped) != 0)
        return;
    self->family = AF_INET;
    self->bits -= 96;
    memmove(self->bytes, self->bytes + 12, 4);
    memset(self->bytes + 4, 0, 12);
}

bool
network_parse(const char *text, Network *network, GError **error)
{
    const char *slash = strchr(text, '/');
    g_autofree char *host = g_strndup(text, slash ? (gsize) (slash - text) : strlen(text));
    guint all;

    memset(network, 0, sizeof *network);
    network->family = strchr(host, ':') ? AF_INET6 : AF_INET;
    all = network->family == AF_INET6 ? 128 : 32;
    network->bits = all;
    if (inet_pton(network->family, host, network->bytes) != 1)
        return bad(error, text, "want an address or network such as 192.0.2.0/24");
    if (slash && !parse_number(slash + 1, all, &network->bits))
        return bad(error, text, "the prefix length is not a number in range");
    if (!is_prefix(network, all))
        return bad(error, text, "bits are set behind the prefix length");
    unmap_network(network);
    return true;
}

bool
network_is_narrow(const Network *self)
{
    static const Network own[] = {
        { AF_INET, 8, { 127 } },       { AF_INET, 8, { 10 } },        { AF_INET, 12, { 172, 16 } },
        { AF_INET, 16, { 192, 168 } }, { AF_INET, 16, { 169, 254 } }, { AF_INET, 10, { 100, 64 } },
        { AF_INET6, 7, { 0xFC } },     { AF_INET6, 10, { 0xFE, 0x80 } },
    };

    if (self->bits >= (self->family == AF_INET ? 16 : 32))
        return true;
    for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
        if (own[i].family == self->family && own[i].bits <= self->bits && match(self->bytes, own[i].bytes, own[i].bits))
            return true;
    }
    return false;
}

bool
network_contains(const Network *self, const Endpoint *endpoint)
{
    size_t n;
    const void *bytes = endpoint_bytes(endpoint, &n);

    return bytes && endpoint->addr.any.sa_family == self->family && match(bytes, self->bytes, self->bits);
}
