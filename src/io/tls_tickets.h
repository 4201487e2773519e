/* The keys of session tickets: one set for all contexts of the process, so that a client resumes its session although
 * certificates were read again meanwhile. What else must be the same is said by each context's session id context. A new
 * key each hour; who holds the key of an hour can read what was sent by its tickets of TLS 1.2. Loop thread, but for
 * tls_tickets_use(). */
#pragma once

#include <openssl/ssl.h>

/* ssl gives and takes such tickets. Any thread. */
void tls_tickets_use(SSL_CTX *ssl);
