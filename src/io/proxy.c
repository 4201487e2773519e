#include "io/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
enum {
    SIGNATURE_BYTES = 12,
    HEAD_BYTES = 16,      /* of version 2: signature, command, family, length */
    LINE_MAX_BYTES = 107, /* of version 1, CRLF included */
};

/* --- version 1: a line --------------------------------------------------------------------------- */

static bool
take_port(const char *text, guint *port)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &value, NULL))
        return false;
    *port = (guint) value;
    return true;
}

/* The words behind PROXY: family, both addresses, both ports. */
static bool
take_words(char *const words[], Endpoint *peer)
{
    int family = strcmp(words[0], "TCP4") == 0 ? AF_INET : AF_INET6;
    guint8 source[16], target[16];
    guint port, unused;

    if (family == AF_INET6 && strcmp(words[0], "TCP6") != 0)
        return false;
    if (g_strv_length((char **) words) != 5 || inet_pton(family, words[1], source) != 1 ||
        inet_pton(family, words[2], target) != 1 || !take_port(words[3], &port) || !take_port(words[4], &unused))
        return false;
    endpoint_set_address(peer, family, source, port);
    return true;
}

static ProxyResult
parse_line(const char *bytes, size_t n, size_t *wanted, Endpoint *peer)
{
    const char *lf = memchr(bytes, '\n', n);

    if (!lf) {
        /* The shortest line has PROXY_FIRST_BYTES; behind that, byte by byte up to its end. */
        *wanted = n < PROXY_FIRST_BYTES ? PROXY_FIRST_BYTES - n : 1;
        return n < LINE_MAX_BYTES ? PROXY_MORE : PROXY_BAD;
    }
    if (lf != bytes + n - 1 || n < 2 || lf[-1] != '\r' || memchr(bytes, '\0', n))
        return PROXY_BAD;
    g_autofree char *line = g_strndup(bytes, n - 2);
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    if (g_strv_length(words) < 2 || strcmp(words[0], "PROXY") != 0)
        return PROXY_BAD;
    if (strcmp(words[1], "UNKNOWN") == 0)
        return PROXY_OWN;
    return take_words(words + 1, peer) ? PROXY_OTHER : PROXY_BAD;
}

/* --- version 2: bytes ---------------------------------------------------------------------------- */

/* What follows the head is whole. */
static ProxyResult
read_addresses(guint8 family, const guint8 *bytes, size_t n, Endpoint *peer)
{
    switch (family) {
    case 0x11: /* TCP over IPv4: two addresses, two ports */
        if (n < 12)
            return PROXY_BAD;
        endpoint_set_address(peer, AF_INET, bytes, (guint) bytes[8] << 8 | bytes[9]);
        return PROXY_OTHER;
    case 0x21: /* and over IPv6 */
        if (n < 36)
            return PROXY_BAD;
        endpoint_set_address(peer, AF_INET6, bytes, (guint) bytes[32] << 8 | bytes[33]);
        return PROXY_OTHER;
    case 0x31: /* a unix socket of the proxy's machine: it has no address that means anything here */
        return n < 216 ? PROXY_BAD : PROXY_OWN;
    case 0x00:
        return PROXY_OWN;
    default:
        return PROXY_BAD;
    }
}

static ProxyResult
parse_bytes(const guint8 *bytes, size_t n, size_t *wanted, Endpoint *peer)
{
    *wanted = HEAD_BYTES - MIN(n, HEAD_BYTES);
    if (n < HEAD_BYTES)
        return PROXY_MORE;
    guint8 version = bytes[12] >> 4, command = bytes[12] & 15;
    size_t length = HEAD_BYTES + ((size_t) bytes[14] << 8 | bytes[15]);
    if (version != 2 || command > 1 || length > PROXY_MAX_BYTES || n > length)
        return PROXY_BAD;
    *wanted = length - n;
    if (n < length)
        return PROXY_MORE;
    return command == 0 ? PROXY_OWN : read_addresses(bytes[13], bytes + HEAD_BYTES, n - HEAD_BYTES, peer);
}

ProxyResult
proxy_parse(const char *bytes, size_t n, size_t *wanted, Endpoint *peer)
{
    *wanted = PROXY_FIRST_BYTES;
    if (n == 0)
        return PROXY_MORE;
    if (memcmp(bytes, SIGNATURE, MIN(n, SIGNATURE_BYTES)) == 0)
        return parse_bytes((const guint8 *) bytes, n, wanted, peer);
    if (memcmp(bytes, "PROXY ", MIN(n, 6)) == 0)
        return parse_line(bytes, n, wanted, peer);
    return PROXY_BAD;
}
