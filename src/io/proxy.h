/* The header with which a proxy says whose connection it passes on: the PROXY protocol, versions 1 and 2, as HAProxy
 * describes it. Pure; any thread. */
#pragma once

#include "io/endpoint.h"

/* A longer header is none of ours: addresses, and some notes behind them that nobody here reads. */
#define PROXY_MAX_BYTES 4096

typedef enum {
    PROXY_MORE,  /* *wanted bytes more may be read without touching what is behind the header */
    PROXY_BAD,   /* not a header, or one that cannot be about a connection */
    PROXY_OTHER, /* the whole header: somebody else's connection, from *peer */
    PROXY_OWN,   /* the whole header: the proxy's own (a health check), or one whose address it does not know */
} ProxyResult;

/* No header is shorter. */
enum { PROXY_FIRST_BYTES = 15 };

/* Reads the n bytes that a connection has begun with. Who reads PROXY_FIRST_BYTES first, and then what is wanted, never
 * reads more than the header. */
ProxyResult proxy_parse(const char *bytes, size_t n, size_t *wanted, Endpoint *peer);
