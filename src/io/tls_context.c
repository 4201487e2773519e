#include "io/tls.h"

#include "base/secret.h"
#include "io/tls_state.h"
#include "io/tls_tickets.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { KEY_MAX_BYTES = 256 * 1024 };

/* TLS 1.2: forward secrecy always, authenticated encryption first, CBC only for what cannot do better. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL"

const char *
tls_reason(void)
{
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    if (ERR_SYSTEM_ERROR(code)) /* a file that is not there, say */
        text = g_strerror(ERR_GET_REASON(code));
    ERR_clear_error();
    return text ? text : "unknown reason";
}

static bool
fail(GError **error, TlsError code, const char *what, const char *path)
{
    g_set_error(error, TLS_ERROR, code, "%s '%s': %s", what, path, tls_reason());
    return false;
}

/* --- certificates and keys ----------------------------------------------------------------------- */

/* The key file is read here, so that it can be judged by the rules for secrets. */
static bool
use_key(SSL_CTX *ssl, const char *path, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(Secret) text = secret_load_text(path, KEY_MAX_BYTES, &cause);

    if (!text) {
        g_set_error_literal(error, TLS_ERROR, TLS_ERROR_KEY, cause->message);
        return false;
    }
    BIO *bio = BIO_new_mem_buf(secret_reveal(text), -1);
    /* An empty passphrase, or OpenSSL would ask for one on the terminal. */
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");
    BIO_free(bio);
    if (!key)
        return fail(error, TLS_ERROR_KEY, "no private key without a passphrase in", path);
    bool fits = SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    return fits || fail(error, TLS_ERROR_KEY, "cannot use the private key in", path);
}

static bool
use_client_ca(SSL_CTX *ssl, const TlsSettings *settings, GError **error)
{
    if (settings->client == TLS_CLIENT_OFF)
        return true;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(settings->client_ca);
    if (!names || SSL_CTX_load_verify_locations(ssl, settings->client_ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail(error, TLS_ERROR_CLIENT_CA, "no certificates in", settings->client_ca);
    }
    SSL_CTX_set_client_CA_list(ssl, names);
    return true;
}

/* --- rules --------------------------------------------------------------------------------------- */

/* A certificate that was only asked for is looked at after the handshake. */
static int
accept_any(int good, X509_STORE_CTX *store)
{
    return 1;
}

static void
set_verify(SSL_CTX *ssl, TlsClient client)
{
    if (client == TLS_CLIENT_REQUIRE)
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    else if (client == TLS_CLIENT_REQUEST)
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, accept_any);
}

static void
set_rules(SSL_CTX *ssl)
{
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE
                                 | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_cipher_list(ssl, CIPHERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 1);
    tls_tickets_use(ssl);
}

/* Tickets are good where they could have been given: under the same name, to a client of whom the same is asked, and
 * with the same authorities, since what they remember of its certificate was judged by those. */
static bool
set_scope(SSL_CTX *ssl, const TlsSettings *settings, GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GError) cause = NULL;
    g_autofree char *authorities = NULL;
    guint8 id[SSL_MAX_SSL_SESSION_ID_LENGTH], client = (guint8) settings->client;
    gsize length = 0, n = sizeof id;

    if (client != TLS_CLIENT_OFF && !g_file_get_contents(settings->client_ca, &authorities, &length, &cause)) {
        g_set_error_literal(error, TLS_ERROR, TLS_ERROR_CLIENT_CA, cause->message);
        return false;
    }
    g_checksum_update(sum, (const guchar *) settings->name, (gssize) strlen(settings->name) + 1);
    g_checksum_update(sum, &client, 1);
    g_checksum_update(sum, (const guchar *) authorities, (gssize) length);
    g_checksum_get_digest(sum, id, &n);
    SSL_CTX_set_session_id_context(ssl, id, (unsigned) n);
    return true;
}

/* The certificate for the name that the client asks for. */
static int
on_server_name(SSL *ssl, int *alert, void *user)
{
    const TlsContext *self = user;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    for (guint i = 0; name && i < self->identities->len; i++) {
        SSL_CTX *one = self->identities->pdata[i];
        if (X509_check_host(SSL_CTX_get0_certificate(one), name, 0, 0, NULL) == 1) {
            SSL_set_SSL_CTX(ssl, one);
            break;
        }
    }
    return SSL_TLSEXT_ERR_OK;
}

/* Whether two certificates are for the same names, in any order. */
static bool
same_names(X509 *one, X509 *other)
{
    GENERAL_NAMES *a = X509_get_ext_d2i(one, NID_subject_alt_name, NULL, NULL);
    GENERAL_NAMES *b = X509_get_ext_d2i(other, NID_subject_alt_name, NULL, NULL);
    bool same = a && b ? sk_GENERAL_NAME_num(a) == sk_GENERAL_NAME_num(b)
                       : !a && !b && X509_NAME_cmp(X509_get_subject_name(one), X509_get_subject_name(other)) == 0;

    for (int i = 0; a && same && i < sk_GENERAL_NAME_num(a); i++) {
        same = false;
        for (int j = 0; !same && j < sk_GENERAL_NAME_num(b); j++)
            same = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, j)) == 0;
    }
    GENERAL_NAMES_free(a);
    GENERAL_NAMES_free(b);
    return same;
}

static bool
has_kind(SSL_CTX *ssl, int kind)
{
    for (long more = SSL_CTX_set_current_cert(ssl, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(ssl, SSL_CERT_SET_NEXT)) {
        EVP_PKEY *key = SSL_CTX_get0_privatekey(ssl);
        if (key && EVP_PKEY_get_base_id(key) == kind)
            return true;
    }
    return false;
}

/* The identity before it that has the same names, and no key of its kind yet; or NULL. */
static SSL_CTX *
find_twin(TlsContext *self, SSL_CTX *one)
{
    int kind = EVP_PKEY_get_base_id(SSL_CTX_get0_privatekey(one));

    for (guint i = 0; i < self->identities->len && self->identities->pdata[i] != one; i++) {
        SSL_CTX *other = self->identities->pdata[i];
        if (same_names(SSL_CTX_get0_certificate(one), SSL_CTX_get0_certificate(other)) && !has_kind(other, kind))
            return other;
    }
    return NULL;
}

static bool
use_pair(SSL_CTX *ssl, const char *certificate, const char *key, GError **error)
{
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1)
        return fail(error, TLS_ERROR_CERTIFICATE, "cannot use the certificate", certificate);
    return use_key(ssl, key, error);
}

/* An ECDSA and an RSA certificate of the same names become one identity: OpenSSL takes what the client can check. */
static bool
add_identity(TlsContext *self, const TlsSettings *settings, const char *certificate, const char *key, GError **error)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());

    if (!ssl)
        return fail(error, TLS_ERROR_SYSTEM, "cannot begin with", certificate);
    g_ptr_array_add(self->identities, ssl);
    set_rules(ssl);
    set_verify(ssl, settings->client);
    SSL_CTX_set_tlsext_servername_callback(ssl, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ssl, self);
    if (!use_pair(ssl, certificate, key, error) || !use_client_ca(ssl, settings, error) ||
        !set_scope(ssl, settings, error))
        return false;
    SSL_CTX *twin = find_twin(self, ssl);
    if (!twin)
        return true;
    g_ptr_array_remove(self->identities, ssl);
    return use_pair(twin, certificate, key, error);
}

/* --- the context --------------------------------------------------------------------------------- */

TlsContext *
tls_context_new(const TlsSettings *settings, GError **error)
{
    g_autoptr(TlsContext) self = g_new0(TlsContext, 1);
    bool apart = settings->keys && settings->keys[0];

    self->refs = 1;
    self->client = settings->client;
    self->identities = g_ptr_array_new_with_free_func((GDestroyNotify) SSL_CTX_free);
    self->bio = tls_bio_method();
    ERR_clear_error();
    for (guint i = 0; settings->certificates[i]; i++) {
        const char *certificate = settings->certificates[i];
        if (!add_identity(self, settings, certificate, apart ? settings->keys[i] : certificate, error))
            return NULL;
    }
    return g_steal_pointer(&self);
}

TlsContext *
tls_context_ref(TlsContext *self)
{
    self->refs++;
    return self;
}

void
tls_context_unref(TlsContext *self)
{
    if (!self || --self->refs > 0)
        return;
    g_ptr_array_unref(self->identities);
    BIO_meth_free(self->bio);
    g_free(self);
}
