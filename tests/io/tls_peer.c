#include "tls_peer.h"

#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

/* --- certificates -------------------------------------------------------------------------------- */

static void
write_pem(const char *path, X509 *x509, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");

    g_assert_nonnull(file);
    if (key)
        g_assert_cmpint(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), ==, 1);
    if (x509)
        g_assert_cmpint(PEM_write_X509(file, x509), ==, 1);
    fclose(file);
    g_assert_cmpint(chmod(path, key ? 0600 : 0644), ==, 0);
}

static void
add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    g_assert_nonnull(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *
make_certificate(const char *common_name, const char *names, EVP_PKEY *key, const Identity *issuer)
{
    static int serial;
    X509 *x509 = X509_new();
    X509_NAME *subject = X509_get_subject_name(x509);

    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 24 * 3600);
    X509_set_pubkey(x509, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const guchar *) common_name, -1, -1, 0);
    X509_set_issuer_name(x509, issuer ? X509_get_subject_name(issuer->x509) : subject);
    if (!issuer)
        add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
    if (names)
        add_extension(x509, NID_subject_alt_name, names);
    g_assert_cmpint(X509_sign(x509, issuer ? issuer->pkey : key, EVP_sha256()), >, 0);
    return x509;
}

Identity *
identity_new(const char *common_name, const char *names, const Identity *issuer)
{
    Identity *self = g_new0(Identity, 1);

    self->folder = g_dir_make_tmp("shimta-tls-XXXXXX", NULL);
    self->certificate = g_build_filename(self->folder, "certificate.pem", NULL);
    self->key = g_build_filename(self->folder, "key.pem", NULL);
    self->both = g_build_filename(self->folder, "both.pem", NULL);
    self->pkey = EVP_EC_gen("P-256");
    self->x509 = make_certificate(common_name, names, self->pkey, issuer);
    write_pem(self->certificate, self->x509, NULL);
    write_pem(self->key, NULL, self->pkey);
    write_pem(self->both, self->x509, self->pkey);
    return self;
}

void
identity_free(Identity *self)
{
    unlink(self->certificate);
    unlink(self->key);
    unlink(self->both);
    rmdir(self->folder);
    X509_free(self->x509);
    EVP_PKEY_free(self->pkey);
    g_free(self->certificate);
    g_free(self->key);
    g_free(self->both);
    g_free(self->folder);
    g_free(self);
}

/* --- the client ---------------------------------------------------------------------------------- */

static int
on_ticket(SSL *ssl, SSL_SESSION *ticket)
{
    TlsPeer *self = SSL_get_app_data(ssl);

    SSL_SESSION_free(self->ticket);
    self->ticket = ticket;
    return 1;
}

void
tls_peer_init(TlsPeer *self)
{
    *self = (TlsPeer) { .context = SSL_CTX_new(TLS_client_method()) };
    SSL_CTX_set_min_proto_version(self->context, TLS1_VERSION);
    SSL_CTX_set_session_cache_mode(self->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(self->context, on_ticket);
}

void
tls_peer_connect(TlsPeer *self, const char *server_name)
{
    /* OpenSSL holds the ticket of a connection without an end to be spoiled. */
    if (self->ssl)
        SSL_set_shutdown(self->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(self->ssl);
    self->ready = self->ended = self->broken = false;
    self->ssl = SSL_new(self->context);
    self->in = BIO_new(BIO_s_mem());
    self->out = BIO_new(BIO_s_mem());
    SSL_set_app_data(self->ssl, (char *) self);
    SSL_set_bio(self->ssl, self->in, self->out);
    SSL_set_connect_state(self->ssl);
    if (server_name)
        SSL_set_tlsext_host_name(self->ssl, server_name);
    if (self->ticket)
        SSL_set_session(self->ssl, self->ticket);
    g_string_free(tls_peer_take(self, NULL, 0), TRUE);
}

void
tls_peer_clear(TlsPeer *self)
{
    SSL_free(self->ssl);
    SSL_SESSION_free(self->ticket);
    SSL_CTX_free(self->context);
}

static bool
go_on(TlsPeer *self, int result)
{
    int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(self->ssl, result);

    self->ended |= error == SSL_ERROR_ZERO_RETURN;
    self->broken |= error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
    return error == SSL_ERROR_NONE;
}

GString *
tls_peer_take(TlsPeer *self, const void *bytes, size_t n)
{
    GString *plain = g_string_new(NULL);
    char buf[4096];
    size_t got;

    if (n > 0)
        BIO_write(self->in, bytes, (int) n);
    if (!self->ready)
        self->ready = go_on(self, SSL_do_handshake(self->ssl));
    while (self->ready && !self->broken && go_on(self, SSL_read_ex(self->ssl, buf, sizeof buf, &got)))
        g_string_append_len(plain, buf, (gssize) got);
    return plain;
}

void
tls_peer_say(TlsPeer *self, const char *text)
{
    size_t written;

    g_assert_cmpint(SSL_write_ex(self->ssl, text, strlen(text), &written), ==, 1);
}

GByteArray *
tls_peer_output(TlsPeer *self)
{
    char *bytes;
    long n = BIO_get_mem_data(self->out, &bytes);
    GByteArray *output = g_byte_array_new();

    g_byte_array_append(output, (const guint8 *) bytes, (guint) n);
    (void) BIO_reset(self->out);
    return output;
}
