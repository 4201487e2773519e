/* Certificates made for a test, and a client's end of TLS over memory, by OpenSSL alone: nothing of src/ is in it. */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>

/* A folder of files in PEM form, removed by identity_free(). */
typedef struct {
    char *folder, *certificate, *key, *both;
    X509 *x509;
    EVP_PKEY *pkey;
} Identity;

/* Signed by issuer, or by itself with NULL. names: "DNS:a.test, email:x@a.test". */
Identity *identity_new(const char *common_name, const char *names, const Identity *issuer);
void identity_free(Identity *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)

typedef struct {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* the network's side */
    SSL_SESSION *ticket;
    bool ready, ended, broken;
} TlsPeer;

void tls_peer_init(TlsPeer *self);
/* Begins a connection; forgets the one before but not its ticket. */
void tls_peer_connect(TlsPeer *self, const char *server_name);
void tls_peer_clear(TlsPeer *self);

/* Takes ciphertext, goes on with the handshake, returns plain bytes; the caller frees them. */
GString *tls_peer_take(TlsPeer *self, const void *bytes, size_t n);
void tls_peer_say(TlsPeer *self, const char *text);

/* Ciphertext for the server. */
GByteArray *tls_peer_output(TlsPeer *self);
