/* Where to listen, or who is calling: an IP address and port, or the path of a unix socket; and
 * networks, to say who may. Pure but for the resolver's answer to a host name. Start-up may block. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define IO_ERROR (g_quark_from_static_string("io"))

typedef enum {
    IO_ERROR_SYNTAX,
    IO_ERROR_IN_USE,
    IO_ERROR_DENIED,
    IO_ERROR_SYSTEM,
} IoError;

typedef struct {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un un;
    } addr;
    socklen_t length;
} Endpoint;

#define ENDPOINT_TEXT_BYTES 128

/* "host:port", "[v6]:port", "*:port" (all addresses), or a path that begins with '/'. A host name stands for its
 * first address. */
bool endpoint_parse(const char *text, Endpoint *endpoint, GError **error);

/* This end or the other end of a socket; false if there is none. IPv4 written as IPv6 becomes IPv4. */
bool endpoint_local(int fd, Endpoint *endpoint);
bool endpoint_peer(int fd, Endpoint *endpoint);

/* From an address as the network has it, 4 or 16 bytes; family is AF_INET or AF_INET6. IPv4 likewise. */
void endpoint_set_address(Endpoint *self, int family, const void *bytes, guint port);

bool endpoint_equal(const Endpoint *a, const Endpoint *b);
bool endpoint_is_unix(const Endpoint *self);
bool endpoint_is_loopback(const Endpoint *self);
guint endpoint_port(const Endpoint *self);

/* The address without its port, or the path. Returns text. */
const char *endpoint_host(const Endpoint *self, char text[ENDPOINT_TEXT_BYTES]);

/* Sixteen bytes equal for all addresses of one client: an IPv4 address, an IPv6 /64. */
void endpoint_client_key(const Endpoint *self, guint8 key[16]);

/* From such a key: sixteen bytes equal for all clients of one network, an IPv4 /24 or an IPv6 /48. */
void endpoint_network_key(const guint8 client[16], guint8 key[16]);

typedef struct {
    sa_family_t family;
    guint bits;
    guint8 bytes[16];
} Network;

/* "192.0.2.0/24", "2001:db8::/32", or a single address. Bits behind the prefix must be zero. What holds IPv4 written as
 * IPv6 alone becomes IPv4, as addresses do. */
bool network_parse(const char *text, Network *network, GError **error);
/* Whether all of it is private (loopback, RFC 1918, RFC 6598, RFC 4193, link-local), or it is no larger than what one
 * organisation is given: an IPv4 /16, an IPv6 /32. */
bool network_is_narrow(const Network *self);
bool network_contains(const Network *self, const Endpoint *endpoint);
