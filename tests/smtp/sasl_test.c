/* The server's side of SASL against libgsasl's client: right and wrong passwords, by every mechanism. Malformed
 * exchanges are in the conversations. */
#include "smtp/sasl.h"

#include <gsasl.h>
#include <string.h>

static Gsasl *library;
static Passwords *passwords;

static SaslResult
step(Sasl *server, const char *response, char **challenge)
{
    const char *text = NULL;
    SaslResult result = sasl_step(server, response, &text);

    *challenge = g_strdup(text);
    return result;
}

/* Lets the client talk to the end. */
static SaslResult
talk(Sasl *server, const char *mechanism, const char *user, const char *other, const char *password)
{
    Gsasl_session *client;
    char *answer = NULL;
    g_autofree char *challenge = NULL;

    g_assert_cmpint(gsasl_client_start(library, mechanism, &client), ==, GSASL_OK);
    gsasl_property_set(client, GSASL_AUTHID, user);
    gsasl_property_set(client, GSASL_AUTHZID, other);
    gsasl_property_set(client, GSASL_PASSWORD, password);
    SaslResult result = step(server, NULL, &challenge);
    for (int said = GSASL_NEEDS_MORE; result == SASL_MORE;) {
        if (said == GSASL_OK) {
            result = SASL_BAD;
            break;
        }
        said = gsasl_step64(client, challenge, &answer);
        g_clear_pointer(&challenge, g_free);
        if (said != GSASL_OK && said != GSASL_NEEDS_MORE)
            break;
        result = step(server, answer, &challenge);
        gsasl_free(answer);
        answer = NULL;
    }
    gsasl_finish(client);
    return result;
}

static void
test_exchange(void)
{
    static const struct {
        const char *mechanism, *user, *other, *password;
        SaslResult want;
    } rows[] = {
        { "PLAIN", "ann", NULL, "secret", SASL_CHECK },
        { "PLAIN", "nobody", NULL, "wrong", SASL_CHECK },
        { "PLAIN", "ann", "ann", "secret", SASL_CHECK },
        { "PLAIN", "ann", "root", "secret", SASL_REFUSED },
        { "PLAIN", "山田", NULL, "パスワード", SASL_CHECK },
        { "LOGIN", "ann", NULL, "secret", SASL_CHECK },
        { "LOGIN", "nobody", NULL, "wrong", SASL_CHECK },
        { "SCRAM-SHA-256", "ann", NULL, "secret", SASL_PROVED },
        { "SCRAM-SHA-256", "ann", "ann", "secret", SASL_PROVED },
        { "SCRAM-SHA-256", "ann", "root", "secret", SASL_REFUSED },
        { "SCRAM-SHA-256", "ann", NULL, "wrong", SASL_REFUSED },
        { "SCRAM-SHA-256", "nobody", NULL, "secret", SASL_REFUSED },
        { "SCRAM-SHA-256", "山田", NULL, "パスワード", SASL_PROVED },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Sasl) server = sasl_new(rows[i].mechanism, passwords);
        SaslResult got = talk(server, rows[i].mechanism, rows[i].user, rows[i].other, rows[i].password);
        if (got != rows[i].want)
            g_error("%s %s: %d", rows[i].mechanism, rows[i].user, (int)got);
        g_assert_cmpstr(sasl_user(server), ==, rows[i].user);
        g_assert_cmpstr(sasl_mechanism(server), ==, rows[i].mechanism);
        if (got == SASL_CHECK)
            g_assert_cmpstr(secret_reveal(sasl_password(server)), ==, rows[i].password);
    }
}

/* The server's first words to somebody who is not there look like those to somebody who is. */
static void
test_unknown_user(void)
{
    static const char *const firsts[] = { "n,,n=ann,r=abcdefgh", "n,,n=nobody,r=abcdefgh" };
    size_t lengths[2];

    for (guint i = 0; i < 2; i++) {
        g_autoptr(Sasl) server = sasl_new("scram-sha-256", passwords);
        g_autofree char *response = g_base64_encode((const guchar *)firsts[i], strlen(firsts[i]));
        g_autofree char *challenge = NULL;
        g_assert_cmpint(step(server, response, &challenge), ==, SASL_MORE);
        lengths[i] = strlen(challenge);
        gsize n;
        g_autofree char *text = (char *)g_base64_decode(challenge, &n);
        g_autofree char *whole = g_strndup(text, n);
        g_assert_true(g_str_has_suffix(whole, ",i=100000"));
    }
    g_assert_cmpuint(lengths[0], ==, lengths[1]);
}

static void
test_scram_malformed(void)
{
    static const char *const firsts[] = {
        "", "x", "n,,", "n,,n=,r=abc", "n,,n=a\nb,r=abc", "n,,n=ann", "n,,n=ann,r=",
        "n,,m=x,n=ann,r=abc",
    };

    for (guint i = 0; i < G_N_ELEMENTS(firsts); i++) {
        g_autoptr(Sasl) server = sasl_new("SCRAM-SHA-256", passwords);
        g_autofree char *response = g_base64_encode((const guchar *)firsts[i], strlen(firsts[i]));
        g_autofree char *challenge = NULL;
        SaslResult got = step(server, response, &challenge);
        if (got != SASL_BAD && got != SASL_REFUSED)
            g_error("%s: %d", firsts[i], (int)got);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *ann = password_line("ann", "secret", NULL);
    g_autofree char *yamada = password_line("山田", "パスワード", NULL);
    g_autofree char *text = g_strconcat(ann, "\n", yamada, "\n", NULL);

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(gsasl_init(&library), ==, GSASL_OK);
    passwords = passwords_parse("users", text, NULL);
    g_test_add_func("/sasl/exchange", test_exchange);
    g_test_add_func("/sasl/unknown-user", test_unknown_user);
    g_test_add_func("/sasl/scram-malformed", test_scram_malformed);
    int failed = g_test_run();
    passwords_unref(passwords);
    gsasl_done(library);
    return failed;
}
