/* Fuzzes the PROXY header, read in the pieces that the daemon would read. */
#include "io/proxy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    size_t have = 0, wanted = PROXY_FIRST_BYTES;
    ProxyResult result = PROXY_MORE;
    Endpoint peer;

    while (result == PROXY_MORE && have + wanted <= n) {
        have += wanted;
        /* Memory of its own, for a sanitizer to see the end. */
        char *copy = malloc(have);
        memcpy(copy, data, have);
        memset(&peer, 0, sizeof peer);
        result = proxy_parse(copy, have, &wanted, &peer);
        free(copy);
        MUST(result != PROXY_MORE || (wanted > 0 && have + wanted <= PROXY_MAX_BYTES));
    }
    if (result == PROXY_OTHER) {
        char host[ENDPOINT_TEXT_BYTES];
        MUST(!endpoint_is_unix(&peer) && endpoint_port(&peer) <= 65535 && strcmp(endpoint_host(&peer, host), "unknown"));
    }
    return 0;
}
