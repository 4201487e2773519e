/* The TLS layer with both ends in memory: what is agreed and refused, names, tickets, client certificates, and what
 * becomes of a handshake that is cut, damaged or never ends. */
#include "base/clock.h"
#include "io/tls.h"
#include "tls_peer.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    Tls *tls;
    TlsPeer *peer;
    GString *got; /* by the server */
    bool ready, ended, broken;
} Line;

static TlsContext *
open_context(const Identity *one, const Identity *other, TlsClient client, const Identity *ca)
{
    g_autoptr(GError) error = NULL;
    const char *certificates[] = { one->certificate, other ? other->certificate : NULL, NULL };
    const char *keys[] = { one->key, other ? other->key : NULL, NULL };
    TlsSettings settings = { .name = "test", .certificates = certificates, .keys = keys, .client = client,
                             .client_ca = ca ? ca->certificate : NULL };
    TlsContext *context = tls_context_new(&settings, &error);

    g_assert_no_error(error);
    return context;
}

static void
line_open(Line *self, TlsContext *context, TlsPeer *peer, const char *server_name)
{
    *self = (Line) { .tls = tls_new(context), .peer = peer, .got = g_string_new(NULL) };
    tls_peer_connect(peer, server_name);
}

static void
line_close(Line *self)
{
    tls_free(self->tls);
    g_string_free(self->got, TRUE);
}

static void
server_take(Line *self, const void *bytes, size_t n)
{
    char plain[4096];
    TlsEvent event;

    tls_put(self->tls, bytes, n);
    do {
        size_t got = 0;
        event = tls_get(self->tls, plain, sizeof plain, &got);
        self->ready |= event == TLS_READY;
        self->ended |= event == TLS_ENDED;
        self->broken |= event == TLS_BROKEN;
        g_string_append_len(self->got, plain, (gssize) got);
    } while (event == TLS_READY || event == TLS_BYTES);
}

/* Carries everything both ways, in pieces, until both are silent. Returns what the client got. */
static char *
line_carry(Line *self, size_t piece)
{
    GString *plain = g_string_new(NULL);
    guint moved;

    do {
        g_autoptr(GByteArray) up = tls_peer_output(self->peer);
        moved = up->len;
        for (size_t at = 0; at < up->len; at += piece)
            server_take(self, up->data + at, MIN(piece, up->len - at));
        g_autoptr(GByteArray) down = tls_take_output(self->tls);
        moved += down ? down->len : 0;
        g_autoptr(GString) got = g_string_new(NULL);
        for (size_t at = 0; down && at < down->len; at += piece) {
            g_autoptr(GString) some = tls_peer_take(self->peer, down->data + at, MIN(piece, down->len - at));
            g_string_append_len(got, some->str, (gssize) some->len);
        }
        g_string_append_len(plain, got->str, (gssize) got->len);
    } while (moved > 0);
    return g_string_free(plain, FALSE);
}

static void
test_dialogue(void)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    static const char *const names[] = { "TLSv1.2", "TLSv1.3" };
    g_autoptr(Identity) one = identity_new("mx.test", "DNS:mx.test", NULL);
    g_autoptr(TlsContext) context = open_context(one, NULL, TLS_CLIENT_OFF, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
        for (size_t piece = 1; piece < 100000; piece *= 7) {
            TlsPeer peer;
            Line line;
            tls_peer_init(&peer);
            SSL_CTX_set_max_proto_version(peer.context, versions[i]);
            line_open(&line, context, &peer, "mx.test");
            g_free(line_carry(&line, piece));
            g_assert_true(line.ready && peer.ready);
            g_assert_cmpstr(tls_facts(line.tls)->protocol, ==, names[i]);
            g_assert_cmpstr(tls_facts(line.tls)->server_name, ==, "mx.test");
            g_assert_null(tls_facts(line.tls)->client);
            tls_peer_say(&peer, "EHLO x\r\n");
            tls_write(line.tls, "220 mx\r\n", 8);
            g_autofree char *got = line_carry(&line, piece);
            g_assert_cmpstr(got, ==, "220 mx\r\n");
            g_assert_cmpstr(line.got->str, ==, "EHLO x\r\n");
            SSL_shutdown(peer.ssl);
            tls_close(line.tls);
            g_free(line_carry(&line, piece));
            g_assert_true(line.ended && peer.ended && !line.broken);
            line_close(&line);
            tls_peer_clear(&peer);
        }
    }
}

static void
test_old_versions(void)
{
    static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };
    g_autoptr(Identity) one = identity_new("mx.test", NULL, NULL);
    g_autoptr(TlsContext) context = open_context(one, NULL, TLS_CLIENT_OFF, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
        TlsPeer peer;
        Line line;
        tls_peer_init(&peer);
        SSL_CTX_set_max_proto_version(peer.context, versions[i]);
        SSL_CTX_set_cipher_list(peer.context, "ALL:@SECLEVEL=0");
        line_open(&line, context, &peer, NULL);
        g_free(line_carry(&line, 1000));
        g_assert_true(line.broken && !line.ready && !peer.ready);
        g_assert_cmpstr(tls_failure(line.tls), ==, "unsupported protocol");
        line_close(&line);
        tls_peer_clear(&peer);
    }
}

static void
test_not_tls(void)
{
    static const struct { const char *bytes, *why; } rows[] = {
        { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http request" },
        { "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "http request" },
        { "EHLO client.test\r\nMAIL FROM:<a@b>\r\n", "wrong version number" },
    };
    g_autoptr(Identity) one = identity_new("mx.test", NULL, NULL);
    g_autoptr(TlsContext) context = open_context(one, NULL, TLS_CLIENT_OFF, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        TlsPeer peer;
        Line line;
        tls_peer_init(&peer);
        line_open(&line, context, &peer, NULL);
        server_take(&line, rows[i].bytes, strlen(rows[i].bytes));
        g_assert_true(line.broken && !line.ready);
        g_assert_cmpstr(tls_failure(line.tls), ==, rows[i].why);
        g_assert_cmpuint(line.got->len, ==, 0);
        line_close(&line);
        tls_peer_clear(&peer);
    }
}

static char *
shown_name(TlsPeer *peer)
{
    X509 *shown = SSL_get_peer_certificate(peer->ssl);
    char name[100] = "";

    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
    X509_free(shown);
    return g_strdup(name);
}

static void
test_server_names(void)
{
    static const struct { const char *asked, *shown; } rows[] = {
        { NULL, "one" }, { "one.test", "one" }, { "two.test", "two" }, { "TWO.test", "two" },
        { "a.two.test", "two" }, { "a.b.two.test", "one" }, { "other.test", "one" },
    };
    g_autoptr(Identity) one = identity_new("one", "DNS:one.test", NULL);
    g_autoptr(Identity) two = identity_new("two", "DNS:two.test, DNS:*.two.test", NULL);
    g_autoptr(TlsContext) context = open_context(one, two, TLS_CLIENT_OFF, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        TlsPeer peer;
        Line line;
        tls_peer_init(&peer);
        line_open(&line, context, &peer, rows[i].asked);
        g_free(line_carry(&line, 1000));
        g_autofree char *shown = shown_name(&peer);
        g_assert_cmpstr(shown, ==, rows[i].shown);
        line_close(&line);
        tls_peer_clear(&peer);
    }
}

enum { HOUR_MS = 3600 * 1000 };

/* Tickets are good for the context that gave them, for whichever of its names, and for one that was read again; two
 * hours after their key has been replaced, for none. */
static void
test_resumption(void)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    g_autoptr(Identity) one = identity_new("one", "DNS:one.test", NULL);
    g_autoptr(Identity) two = identity_new("two", "DNS:two.test", NULL);
    g_autoptr(TlsContext) context = open_context(one, two, TLS_CLIENT_OFF, NULL);
    g_autoptr(TlsContext) renewed = open_context(one, two, TLS_CLIENT_OFF, NULL);
    const struct {
        TlsContext *context;
        gint64 later_ms;
        bool resumed;
    } rows[] = { { context, 0, false }, { context, 0, true },          { renewed, 0, true },
                 { renewed, HOUR_MS, true }, { context, HOUR_MS, true }, { context, 4 * HOUR_MS, false } };

    for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
        TlsPeer peer;
        tls_peer_init(&peer);
        SSL_CTX_set_max_proto_version(peer.context, versions[i]);
        for (guint n = 0; n < G_N_ELEMENTS(rows); n++) {
            Line line;
            clock_skip(rows[n].later_ms);
            line_open(&line, rows[n].context, &peer, "two.test");
            g_free(line_carry(&line, 1000));
            g_assert_true(line.ready && peer.ready);
            g_assert_cmpint(tls_facts(line.tls)->resumed, ==, rows[n].resumed);
            g_assert_cmpint(SSL_session_reused(peer.ssl), ==, rows[n].resumed);
            line_close(&line);
        }
        tls_peer_clear(&peer);
    }
}

static void
test_client_certificates(void)
{
    g_autoptr(Identity) one = identity_new("mx.test", NULL, NULL);
    g_autoptr(Identity) ca = identity_new("Our CA", NULL, NULL);
    g_autoptr(Identity) stranger = identity_new("Stranger", NULL, NULL);
    g_autoptr(Identity) printer = identity_new("printer", "DNS:printer.test, email:scan@printer.test", ca);
    const struct { TlsClient ask; const Identity *show; bool ready; const char *subject; } rows[] = {
        { TLS_CLIENT_OFF, printer, true, NULL },         { TLS_CLIENT_REQUEST, NULL, true, NULL },
        { TLS_CLIENT_REQUEST, printer, true, "CN=printer" }, { TLS_CLIENT_REQUEST, stranger, true, NULL },
        { TLS_CLIENT_REQUIRE, NULL, false, NULL },       { TLS_CLIENT_REQUIRE, printer, true, "CN=printer" },
        { TLS_CLIENT_REQUIRE, stranger, false, NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TlsContext) context = open_context(one, NULL, rows[i].ask, ca);
        TlsPeer peer;
        tls_peer_init(&peer);
        for (guint again = 0; again < 2; again++) { /* a ticket remembers the certificate */
            Line line;
            if (rows[i].show) {
                SSL_CTX_use_certificate(peer.context, rows[i].show->x509);
                SSL_CTX_use_PrivateKey(peer.context, rows[i].show->pkey);
            }
            line_open(&line, context, &peer, NULL);
            g_free(line_carry(&line, 1000));
            g_assert_cmpint(line.ready, ==, rows[i].ready);
            g_assert_cmpint(line.broken, ==, !rows[i].ready);
            const TlsFacts *facts = tls_facts(line.tls);
            g_assert_cmpint(facts->resumed, ==, again && rows[i].ready);
            g_assert_cmpstr(facts->client, ==, rows[i].subject);
            g_autofree char *names = facts->client_names ? g_strjoinv(" ", (char **) facts->client_names) : NULL;
            g_assert_cmpstr(rows[i].ready ? names : "", ==, rows[i].subject ? "printer.test scan@printer.test" : "");
            line_close(&line);
        }
        tls_peer_clear(&peer);
    }
}

/* A handshake cut off after any number of bytes waits and costs little; a damaged one never becomes a session. */
static void
test_cut_and_damaged(void)
{
    g_autoptr(Identity) one = identity_new("mx.test", NULL, NULL);
    g_autoptr(TlsContext) context = open_context(one, NULL, TLS_CLIENT_OFF, NULL);
    TlsPeer peer;
    Line line;
    guint sizes[2] = { 0, 0 };

    for (guint flight = 0; flight < 2; flight++) {
        for (guint at = 0; at == 0 || at < sizes[flight]; at++) {
            for (guint damage = 0; damage < 2; damage++) {
                tls_peer_init(&peer);
                line_open(&line, context, &peer, NULL);
                g_autoptr(GByteArray) bytes = tls_peer_output(&peer);
                if (flight == 1) {
                    server_take(&line, bytes->data, bytes->len);
                    g_autoptr(GByteArray) answer = tls_take_output(line.tls);
                    g_string_free(tls_peer_take(&peer, answer->data, answer->len), TRUE);
                    g_byte_array_unref(bytes);
                    bytes = tls_peer_output(&peer);
                }
                sizes[flight] = bytes->len;
                if (damage)
                    bytes->data[at] ^= 0x55;
                server_take(&line, bytes->data, damage ? bytes->len : at);
                /* The six bytes before the last record mean nothing in TLS 1.3. */
                g_assert_false(line.ready && !(damage && flight == 1 && at < 6));
                g_assert_false(line.broken && !damage);
                g_assert_cmpuint(line.got->len, ==, 0);
                line_close(&line);
                tls_peer_clear(&peer);
            }
        }
    }
}

static void
test_renegotiation(void)
{
    g_autoptr(Identity) one = identity_new("mx.test", NULL, NULL);
    g_autoptr(TlsContext) context = open_context(one, NULL, TLS_CLIENT_OFF, NULL);
    TlsPeer peer;
    Line line;

    tls_peer_init(&peer);
    SSL_CTX_set_max_proto_version(peer.context, TLS1_2_VERSION);
    line_open(&line, context, &peer, NULL);
    g_free(line_carry(&line, 1000));
    g_assert_true(line.ready);
    line.ready = false;
    SSL_renegotiate(peer.ssl);
    SSL_do_handshake(peer.ssl);
    g_free(line_carry(&line, 1000));
    g_assert_false(line.ready);
    g_assert_true(peer.broken || SSL_renegotiate_pending(peer.ssl));
    line_close(&line);
    tls_peer_clear(&peer);
}

static void
test_bad_files(void)
{
    g_autoptr(Identity) one = identity_new("mx.test", NULL, NULL);
    g_autoptr(Identity) other = identity_new("other.test", NULL, NULL);
    const struct { const char *certificate, *key, *ca; TlsError want; const char *text; } rows[] = {
        { "/nonexistent", one->key, NULL, TLS_ERROR_CERTIFICATE, "/nonexistent" },
        { one->key, one->key, NULL, TLS_ERROR_CERTIFICATE, one->key },
        { one->certificate, "/nonexistent", NULL, TLS_ERROR_KEY, "/nonexistent" },
        { one->certificate, other->key, NULL, TLS_ERROR_KEY, "key values mismatch" },
        { one->certificate, one->certificate, NULL, TLS_ERROR_KEY, "chmod 600" },
        { one->certificate, NULL, NULL, TLS_ERROR_KEY, "chmod 600" },
        { one->certificate, one->key, one->key, TLS_ERROR_CLIENT_CA, one->key },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        const char *certificates[] = { rows[i].certificate, NULL };
        const char *keys[] = { rows[i].key, NULL };
        TlsSettings settings = { .name = "test", .certificates = certificates, .keys = keys, .client_ca = rows[i].ca,
                                 .client = rows[i].ca ? TLS_CLIENT_REQUEST : TLS_CLIENT_OFF };
        g_assert_null(tls_context_new(&settings, &error));
        g_assert_true(g_error_matches(error, TLS_ERROR, (int) rows[i].want));
        g_assert_nonnull(strstr(error->message, rows[i].text));
    }
    const char *both[] = { one->both, NULL };
    g_autoptr(TlsContext) good = tls_context_new(&(TlsSettings) { .name = "test", .certificates = both }, NULL);
    g_assert_nonnull(good);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tls/dialogue", test_dialogue);
    g_test_add_func("/tls/old-versions", test_old_versions);
    g_test_add_func("/tls/not-tls", test_not_tls);
    g_test_add_func("/tls/server-names", test_server_names);
    g_test_add_func("/tls/resumption", test_resumption);
    g_test_add_func("/tls/client-certificates", test_client_certificates);
    g_test_add_func("/tls/cut-and-damaged", test_cut_and_damaged);
    g_test_add_func("/tls/renegotiation", test_renegotiation);
    g_test_add_func("/tls/bad-files", test_bad_files);
    return g_test_run();
}
