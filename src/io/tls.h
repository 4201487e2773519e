/* TLS without I/O: ciphertext in, ciphertext and plain bytes out. Conn puts it between a socket and its owner. TLS 1.2
 * and later, no compression, no renegotiation, no early data; sessions are resumed by tickets. Loop thread; a
 * context may be made on any. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define TLS_ERROR (g_quark_from_static_string("tls"))

/* Which of the settings is wrong. */
typedef enum { TLS_ERROR_CERTIFICATE, TLS_ERROR_KEY, TLS_ERROR_CLIENT_CA, TLS_ERROR_SYSTEM } TlsError;

/* Whether clients show certificates. One that TLS_CLIENT_REQUEST gets and cannot verify counts as none. */
typedef enum { TLS_CLIENT_OFF, TLS_CLIENT_REQUEST, TLS_CLIENT_REQUIRE } TlsClient;

typedef struct {
    const char *name;                /* tickets of one name are worthless for another */
    const char *const *certificates; /* files with a certificate and its chain in PEM form; the first is for whoever
                                        asks for none of the names; those of the same names with
                                        keys of different kinds serve together */
    const char *const *keys;         /* the files of their keys; NULL or empty: the keys are in certificates */
    const char *client_ca;           /* file of the authorities for clients' certificates, or NULL */
    TlsClient client;
} TlsSettings;

typedef struct TlsContext TlsContext;

/* Certificates and keys. Tickets outlive a context: another one of the same settings takes them. A key that others than the owner of its file can read is refused. Settings
 * are not needed afterwards. To read the files again make another: connections keep the one they began with. */
TlsContext *tls_context_new(const TlsSettings *settings, GError **error);
TlsContext *tls_context_ref(TlsContext *self);
void tls_context_unref(TlsContext *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TlsContext, tls_context_unref)

/* What a handshake settled. Borrowed from the Tls. */
typedef struct {
    const char *protocol; /* "TLSv1.3" */
    const char *cipher;
    const char *server_name;      /* what the client asked for, or NULL */
    const char *client;           /* subject of its verified certificate (RFC 2253), or NULL */
    const char *const *client_names; /* DNS names and mail addresses in there; NULL-terminated, perhaps none */
    bool resumed;
} TlsFacts;

typedef struct Tls Tls;

/* The server's end of one connection. */
Tls *tls_new(TlsContext *context);
void tls_free(Tls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tls, tls_free)

typedef enum {
    TLS_WAITS, /* everything put in has been used: more is needed */
    TLS_READY, /* the handshake is done; comes once */
    TLS_BYTES, /* plain bytes */
    TLS_ENDED, /* the peer has said that it sends no more */
    TLS_BROKEN, /* tls_failure() says why; what is to be sent is an alert */
} TlsEvent;

/* Ciphertext from the peer, borrowed until tls_get() has answered TLS_WAITS, TLS_ENDED or TLS_BROKEN. */
void tls_put(Tls *self, const char *bytes, size_t n);

/* The next event; TLS_BYTES fills plain, *n bytes of at most room. There may be output after each call. */
TlsEvent tls_get(Tls *self, char *plain, size_t room, size_t *n);

/* Encrypts; before TLS_READY and after tls_close() it does nothing. */
void tls_write(Tls *self, const char *plain, size_t n);

/* Tells the peer that nothing more follows. */
void tls_close(Tls *self);

/* Ciphertext for the peer, or NULL for none. The caller unrefs it. */
GByteArray *tls_take_output(Tls *self);

bool tls_is_ready(const Tls *self);

/* True if bytes of the peer are there that tls_get() has not yet used. */
bool tls_has_input(const Tls *self);

/* Valid after TLS_READY. */
const TlsFacts *tls_facts(const Tls *self);

/* In few words. */
const char *tls_failure(const Tls *self);
