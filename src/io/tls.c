#include "io/tls.h"

#include "io/tls_state.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

struct Tls {
    TlsContext *context;
    SSL *ssl;
    const char *in; /* ciphertext not used yet: the caller's */
    size_t left;
    GByteArray *out; /* NULL: nothing */
    bool ready, closed, broken;
    const char *failure;
    TlsFacts facts;
    char *client;
    GPtrArray *names;
};

/* --- between OpenSSL and our buffers ------------------------------------------------------------- */

static int
bio_read(BIO *bio, char *bytes, int room)
{
    Tls *self = BIO_get_data(bio);
    size_t n = MIN(self->left, (size_t) room);

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(bytes, self->in, n);
    self->in += n;
    self->left -= n;
    return (int) n;
}

static int
bio_write(BIO *bio, const char *bytes, int n)
{
    Tls *self = BIO_get_data(bio);

    if (!self->out)
        self->out = g_byte_array_new();
    g_byte_array_append(self->out, (const guint8 *) bytes, (guint) n);
    return n;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *
tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | 127, "memory of a connection");

    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    return method;
}

/* --- what a handshake settled -------------------------------------------------------------------- */

static void
take_name(Tls *self, const GENERAL_NAME *name)
{
    const ASN1_IA5STRING *text = name->type == GEN_DNS     ? name->d.dNSName
                                 : name->type == GEN_EMAIL ? name->d.rfc822Name
                                                           : NULL;

    if (!text)
        return;
    g_autofree char *copy = g_strndup((const char *) ASN1_STRING_get0_data(text), (gsize) ASN1_STRING_length(text));
    /* A NUL inside would make another name of it. */
    if (strlen(copy) == (size_t) ASN1_STRING_length(text))
        g_ptr_array_add(self->names, g_steal_pointer(&copy));
}

static void
take_certificate(Tls *self)
{
    X509 *shown = SSL_get_peer_certificate(self->ssl);

    if (shown && SSL_get_verify_result(self->ssl) == X509_V_OK) {
        BIO *text = BIO_new(BIO_s_mem());
        char *bytes;
        X509_NAME_print_ex(text, X509_get_subject_name(shown), 0, XN_FLAG_RFC2253);
        long n = BIO_get_mem_data(text, &bytes);
        self->client = g_strndup(bytes, (gsize) n);
        BIO_free(text);
        GENERAL_NAMES *names = X509_get_ext_d2i(shown, NID_subject_alt_name, NULL, NULL);
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
            take_name(self, sk_GENERAL_NAME_value(names, i));
        GENERAL_NAMES_free(names);
    }
    X509_free(shown);
}

static void
take_facts(Tls *self)
{
    self->names = g_ptr_array_new_with_free_func(g_free);
    if (self->context->client != TLS_CLIENT_OFF)
        take_certificate(self);
    g_ptr_array_add(self->names, NULL);
    self->facts = (TlsFacts) {
        .protocol = SSL_get_version(self->ssl),
        .cipher = SSL_get_cipher_name(self->ssl),
        .server_name = SSL_get_servername(self->ssl, TLSEXT_NAMETYPE_host_name),
        .client = self->client,
        .client_names = (const char *const *) self->names->pdata,
        .resumed = SSL_session_reused(self->ssl) == 1,
    };
}

/* --- one connection ------------------------------------------------------------------------------ */

Tls *
tls_new(TlsContext *context)
{
    Tls *self = g_new0(Tls, 1);
    BIO *bio = BIO_new(context->bio);

    self->context = tls_context_ref(context);
    self->ssl = SSL_new(context->identities->pdata[0]);
    /* As GLib does when memory is out. */
    if (!bio || !self->ssl)
        g_error("cannot begin TLS: %s", tls_reason());
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set_bio(self->ssl, bio, bio);
    SSL_set_accept_state(self->ssl);
    return self;
}

void
tls_free(Tls *self)
{
    if (!self)
        return;
    SSL_free(self->ssl);
    if (self->out)
        g_byte_array_unref(self->out);
    if (self->names)
        g_ptr_array_unref(self->names);
    g_free(self->client);
    tls_context_unref(self->context);
    g_free(self);
}

void
tls_put(Tls *self, const char *bytes, size_t n)
{
    self->in = bytes;
    self->left = n;
}

/* OpenSSL's own reason does not say what is wrong with a client's certificate. */
static const char *
failure_of(const Tls *self)
{
    bool refused = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    const char *reason = tls_reason();

    return refused ? X509_verify_cert_error_string(SSL_get_verify_result(self->ssl)) : reason;
}

static TlsEvent
judge(Tls *self, int result)
{
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_WAITS;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        self->broken = true;
        self->failure = failure_of(self);
        return TLS_BROKEN;
    }
}

TlsEvent
tls_get(Tls *self, char *plain, size_t room, size_t *n)
{
    if (self->broken)
        return TLS_BROKEN;
    ERR_clear_error();
    if (!self->ready) {
        int done = SSL_do_handshake(self->ssl);
        if (done != 1)
            return judge(self, done);
        self->ready = true;
        take_facts(self);
        return TLS_READY;
    }
    int got = SSL_read_ex(self->ssl, plain, room, n);
    return got == 1 ? TLS_BYTES : judge(self, got);
}

void
tls_write(Tls *self, const char *plain, size_t n)
{
    size_t written = 0;

    if (!self->ready || self->closed || self->broken)
        return;
    ERR_clear_error();
    /* Our buffer takes everything, so a write that fails does so for good; reading will tell. */
    for (size_t at = 0; at < n && SSL_write_ex(self->ssl, plain + at, n - at, &written) == 1; at += written)
        ;
}

void
tls_close(Tls *self)
{
    if (!self->ready || self->closed || self->broken)
        return;
    self->closed = true;
    ERR_clear_error();
    SSL_shutdown(self->ssl);
}

GByteArray *
tls_take_output(Tls *self)
{
    return g_steal_pointer(&self->out);
}

bool
tls_is_ready(const Tls *self)
{
    return self->ready;
}

bool
tls_has_input(const Tls *self)
{
    return self->left > 0 || SSL_has_pending(self->ssl);
}

const TlsFacts *
tls_facts(const Tls *self)
{
    return &self->facts;
}

const char *
tls_failure(const Tls *self)
{
    return self->failure ? self->failure : "";
}
