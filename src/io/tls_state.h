/* Shared by tls_context.c and tls.c; for nobody else. */
#pragma once

#include "io/tls.h"

#include <openssl/ssl.h>

struct TlsContext {
    gint refs;
    GPtrArray *identities; /* of SSL_CTX, one for each certificate; the first is the default */
    BIO_METHOD *bio;       /* reads and writes a Tls's own buffers */
    TlsClient client;
};

/* Says what OpenSSL has to complain about, the innermost reason, and empties its list. */
const char *tls_reason(void);

BIO_METHOD *tls_bio_method(void);
