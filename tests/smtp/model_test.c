/* Random commands, good, bad and out of order, against a reference model that knows nothing of the code:
 * every reply, every question to the handler must be the model's. SMTP_MODEL_COMMANDS sets how many; `make soak`
 * says ten times more than `make check`. */
#include "smtp/session.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_RECIPIENTS = 3, MAX_ERRORS = 9, MAX_IDLE = 7, MAX_MESSAGES = 4, MAX_BYTES = 40 };

static SmtpSettings settings = {
    .hostname = "mx.test",
    .max_bytes = MAX_BYTES,
    .max_recipients = MAX_RECIPIENTS,
    .max_errors = MAX_ERRORS,
    .max_idle_commands = MAX_IDLE,
    .max_messages = MAX_MESSAGES,
    .tls = SMTP_TLS_OFFERED,
    .auth_in_plain = true,
};

typedef enum { EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT, JUNK, AUTH, STARTTLS, BDAT } Kind;

/* What can be said, and the reply if nothing stands against it. */
static const struct {
    Kind kind;
    const char *line;
    int code; /* 250, or the refusal of the line itself */
    bool esmtp;
} lines[] = {
    { EHLO, "EHLO client.test", 250, false },
    { EHLO, "EHLO <x>", 501, false },
    { HELO, "helo client.test", 250, false },
    { HELO, "HELO", 501, false },
    { MAIL, "MAIL FROM:<a@x.test>", 250, false },
    { MAIL, "mail from: a@x.test", 250, false },
    { MAIL, "MAIL FROM:<>", 250, false },
    { MAIL, "MAIL FROM:<a@x.test> SIZE=40", 250, true },
    { MAIL, "MAIL FROM:<a@x.test> SIZE=41", 552, true },
    { MAIL, "MAIL FROM:<a@x.test> FOO", 555, true },
    { MAIL, "MAIL FROM:<a@x.test", 501, false },
    { MAIL, "MAIL FROM:<\xC3\xA9@x.test>", 553, false },
    { RCPT, "RCPT TO:<b@y.test>", 250, false },
    { RCPT, "rcpt to:b@y.test", 250, false },
    { RCPT, "RCPT TO:<b@y.test> NOTIFY=NEVER", 250, true },
    { RCPT, "RCPT TO:<>", 501, false },
    { RCPT, "RCPT", 501, false },
    { DATA, "DATA", 354, false },
    { DATA, "data", 354, false },
    { DATA, "DATA x", 501, false },
    { RSET, "RSET", 250, false },
    { RSET, "RSET x", 501, false },
    { NOOP, "NOOP", 250, false },
    { NOOP, "VRFY root", 252, false },
    { QUIT, "QUIT x", 501, false },
    { QUIT, "QUIT", 221, false },
    { BDAT, "BDAT 10", 250, false },
    { BDAT, "bdat 3", 250, false },
    { BDAT, "BDAT 0", 250, false },
    { BDAT, "BDAT 10 LAST", 250, false },
    { BDAT, "BDAT 1 last", 250, false },
    { BDAT, "BDAT 0 LAST", 250, false },
    { BDAT, "BDAT 41", 250, false },
    { BDAT, "BDAT 41 LAST", 250, false },
    { BDAT, "BDAT 1 FIRST", 501, false },
    { AUTH, "AUTH PLAIN AGFubgB4", 235, false },
    { AUTH, "auth plain AGFubgB4", 235, false },
    { AUTH, "AUTH PLAIN ????", 501, false },
    { AUTH, "AUTH FOO", 504, false },
    { AUTH, "AUTH", 501, false },
    { STARTTLS, "STARTTLS", 220, false },
    { STARTTLS, "STARTTLS x", 501, false },
    { JUNK, "", 500, false },
    { JUNK, "EXPN all", 502, false },
    { JUNK, "M\x01L FROM:<>", 500, false },
};

typedef struct {
    bool hello, esmtp, mail, closed, secure, authenticated, chunks;
    int bytes, wrong, recipients, refused, errors, idle, messages;
} Model;

static int
error(Model *self, int code)
{
    self->closed = ++self->errors >= MAX_ERRORS;
    return code;
}

static void
forget(Model *self)
{
    self->mail = self->chunks = false;
    self->bytes = self->recipients = self->refused = 0;
}

static int
model_auth(Model *self, int code, int handler)
{
    if (!self->hello || self->mail || self->authenticated)
        return error(self, 503);
    if (code != 235)
        return error(self, code);
    if (handler == 550 && ++self->wrong == 3) {
        self->closed = true;
        return 421;
    }
    self->authenticated = handler == 250;
    return handler == 250 ? 235 : handler == 450 ? 454 : error(self, 535);
}

static int
model_starttls(Model *self, int code)
{
    if (code == 501)
        return error(self, 501);
    if (!self->hello || self->mail || self->authenticated || self->secure)
        return error(self, 503);
    self->secure = true;
    self->hello = self->esmtp = false;
    return 220;
}

/* The end of a message that the handler, or we, gave that answer. */
static int
model_finish(Model *self, int code)
{
    self->messages++;
    self->idle = 0;
    forget(self);
    if (code == 250)
        self->errors = 0;
    return code;
}

/* The reply's code to a chunk and its octets. */
static int
model_bdat(Model *self, guint i, int handler)
{
    int size = atoi(lines[i].line + 5);
    bool last = g_str_has_suffix(lines[i].line, "LAST") || g_str_has_suffix(lines[i].line, "last");

    self->closed = lines[i].code == 501 || (size == 0 && !last && ++self->idle > MAX_IDLE);
    if (self->closed)
        return lines[i].code == 501 ? 501 : 421;
    if (!self->mail || self->recipients == 0)
        return error(self, self->mail && self->refused ? 554 : 503);
    self->bytes += size;
    if (self->bytes > MAX_BYTES)
        return model_finish(self, 552);
    if ((!self->chunks && handler != 250) || last)
        return model_finish(self, handler);
    self->chunks = true;
    return 250;
}

/* The reply's code to line i; handler is what the handler would say if it is asked. */
static int
model_say(Model *self, guint i, int handler)
{
    Kind kind = lines[i].kind;
    int code = lines[i].esmtp && !self->esmtp ? 555 : lines[i].code;

    if ((kind <= HELO || kind == RSET || kind == NOOP) && ++self->idle > MAX_IDLE) {
        self->closed = true;
        return 421;
    }
    if (kind == BDAT)
        return model_bdat(self, i, handler);
    if (kind == AUTH)
        return model_auth(self, code, handler);
    if (kind == STARTTLS)
        return model_starttls(self, code);
    if (kind == MAIL && settings.auth_required && !self->authenticated)
        return error(self, 530);
    if ((kind == MAIL && (!self->hello || self->mail)) || ((kind == RCPT || kind == DATA) && (!self->mail || self->chunks)))
        return error(self, 503);
    if (kind == MAIL && self->messages >= MAX_MESSAGES) {
        self->closed = true;
        return 421;
    }
    if (kind == RCPT && code < 300 && self->recipients >= MAX_RECIPIENTS)
        return 452;
    if (kind == DATA && code == 354 && self->recipients == 0)
        return error(self, self->refused ? 554 : 503);
    if (code < 400 && (kind == MAIL || kind == RCPT || kind == DATA) && handler != 250)
        code = handler;
    if (kind == RCPT && code >= 400)
        return ++self->refused > MAX_RECIPIENTS ? error(self, code) : code;
    if (code >= 500)
        return error(self, code);
    if (code >= 400)
        return code;
    if (kind <= HELO || kind == RSET)
        forget(self);
    if (kind <= HELO)
        self->hello = true, self->esmtp = kind == EHLO;
    self->mail |= kind == MAIL;
    self->recipients += kind == RCPT;
    self->closed = kind == QUIT;
    return code;
}

/* The reply's code to n octets of message and the dot. */
static int
model_message(Model *self, size_t n, int handler)
{
    return model_finish(self, n > MAX_BYTES ? 552 : handler);
}

typedef struct {
    SmtpSession *session;
    GString *said;
    int handler; /* what it says to the next question */
    bool later, waiting, asked_data, asked_auth, handshake, quit;
    int open;
    size_t bytes;
} Peer;

/* Its answer to what was asked. */
static int
peer_code(const Peer *self)
{
    if (self->asked_auth)
        return self->handler == 250 ? 235 : self->handler == 450 ? 454 : 535;
    return self->handler == 250 && self->asked_data ? 354 : self->handler;
}

static void
answer(Peer *self)
{
    int code = peer_code(self);

    self->waiting = self->later;
    if (!self->later)
        smtp_session_resume(self->session, &(Reply){ code, NULL, (char *)"Handler" });
}

static void
on_write(void *user, const char *bytes, size_t n)
{
    g_string_append_len(((Peer *)user)->said, bytes, (gssize)n);
}

static void
on_helo(void *user, const char *name, bool esmtp)
{
    g_assert_cmpint(((Peer *)user)->open, ==, 0);
}

static void
on_mail(void *user, const SmtpMail *mail)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 0);
    self->open += self->handler == 250;
    self->bytes = 0;
    answer(self);
}

static void
on_rcpt(void *user, const SmtpRcpt *rcpt)
{
    g_assert_cmpint(((Peer *)user)->open, ==, 1);
    answer(user);
}

static void
on_data_begin(void *user)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 1);
    self->asked_data = true;
    answer(self);
    self->asked_data = self->later;
}

static bool
on_data_bytes(void *user, const char *bytes, size_t n)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 1);
    self->bytes += n;
    g_assert_cmpuint(self->bytes, <=, MAX_BYTES);
    self->waiting = self->later;
    return !self->later;
}

static void
on_data_end(void *user)
{
    g_assert_cmpint(((Peer *)user)->open, ==, 1);
    answer(user);
}

static void
on_reset(void *user)
{
    g_assert_cmpint(((Peer *)user)->open--, ==, 1);
}

static void
on_quit(void *user)
{
    Peer *self = user;

    g_assert_false(self->quit);
    self->quit = true;
}

static void
on_auth(void *user, const SmtpAuth *auth)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 0);
    g_assert_cmpstr(auth->user, ==, "ann");
    g_assert_cmpstr(secret_reveal(auth->password), ==, "x");
    self->asked_auth = true;
    answer(self);
    self->asked_auth = self->later;
}

static void
on_starttls(void *user)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 0);
    self->handshake = true;
}

static const SmtpHandler handler = {
    .write = on_write,
    .helo = on_helo,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data_begin = on_data_begin,
    .data_bytes = on_data_bytes,
    .data_end = on_data_end,
    .reset = on_reset,
    .quit = on_quit,
    .auth = on_auth,
    .starttls = on_starttls,
};

/* Feeds text in pieces of any size; returns the code of the last reply but a closing 421 after an error. */
static int
peer_say(Peer *self, const char *text)
{
    g_string_truncate(self->said, 0);
    for (size_t at = 0, n = strlen(text), piece; at < n; at += piece) {
        piece = (size_t)g_test_rand_int_range(1, 40);
        piece = MIN(piece, n - at);
        smtp_session_feed(self->session, text + at, piece);
        if (self->handshake) {
            self->handshake = false;
            smtp_session_secured(self->session);
        }
        while (smtp_session_busy(self->session)) {
            g_assert_true(self->waiting);
            self->later = g_test_rand_bit();
            self->waiting = false;
            int code = peer_code(self);
            self->asked_data = self->asked_auth = false;
            smtp_session_resume(self->session, &(Reply){ code, NULL, (char *)"Handler" });
        }
    }
    return atoi(self->said->str);
}

static void
say_message(Peer *peer, Model *model)
{
    int n = g_test_rand_int_range(0, 50);
    g_autofree char *filler = g_strnfill((gsize)n, 'x');
    g_autofree char *text = n ? g_strconcat(filler, "\r\n.\r\n", NULL) : g_strdup(".\r\n");

    peer->handler = g_test_rand_int_range(0, 3) ? 250 : g_test_rand_bit() ? 451 : 554;
    peer->later = g_test_rand_bit();
    int want = model_message(model, n ? (size_t)n + 2 : 0, peer->handler);
    g_assert_cmpint(peer_say(peer, text), ==, want);
}

/* Two times in three what a client would say next; otherwise few sessions come far. */
static guint
pick(const Model *model)
{
    bool enough = model->recipients > 0 && g_test_rand_bit();
    bool nameless = settings.auth_required && !model->authenticated;
    Kind next = !model->hello ? EHLO : nameless && !model->mail ? AUTH : !model->mail ? MAIL : model->chunks ? BDAT : !enough ? RCPT : g_test_rand_bit() ? DATA : BDAT;
    bool sensible = g_test_rand_int_range(0, 3) > 0;

    for (;;) {
        guint i = (guint)g_test_rand_int_range(0, G_N_ELEMENTS(lines));
        if (!sensible || lines[i].kind == next)
            return i;
    }
}

/* What follows a chunk: commands, for whoever takes them for such. */
static const char *
octets_of(guint i)
{
    static const char many[] = "QUIT\r\nNOOP\r\nMAIL FROM:<a@x.test>\r\nRSET\r\n.\r\n";
    size_t n = lines[i].kind == BDAT && lines[i].code == 250 ? (size_t)atoi(lines[i].line + 5) : 0;

    g_assert_cmpuint(n, <, sizeof many);
    return many + sizeof many - 1 - n;
}

static void
say_command(Peer *peer, Model *model)
{
    guint i = pick(model);
    g_autofree char *text = g_strconcat(lines[i].line, g_test_rand_bit() ? "\r\n" : "\n", octets_of(i), NULL);
    peer->handler = g_test_rand_int_range(0, 4) ? 250 : g_test_rand_bit() ? 450 : 550;
    peer->later = g_test_rand_bit();

    int want = model_say(model, i, peer->handler);
    int got = peer_say(peer, text);
    if (got != want)
        g_test_message("to %s: %s", lines[i].line, peer->said->str);
    g_assert_cmpint(got, ==, want);
    g_assert_cmpint(peer->quit, ==, model->closed);
    g_assert_cmpint(peer->open, ==, model->mail && !model->closed);
    if (got == 354)
        say_message(peer, model);
}

static void
test_random(void)
{
    const char *wanted = g_getenv("SMTP_MODEL_COMMANDS");
    guint64 left = wanted ? g_ascii_strtoull(wanted, NULL, 10) : g_getenv("SOAK") ? 10000000 : 1000000;
    g_autoptr(Passwords) users = passwords_parse("users", "ann:$5$salt$w6/j5nt7r3yQ0pOwBqSFM5ZUwfYVPmqqbr4aXLaO8U3\n", NULL);
    Peer peer = { .said = g_string_new(NULL) };
    guint64 messages = 0, closed = 0;

    settings.passwords = users;
    while (left > 0) {
        Model model = { 0 };

        peer.quit = false;
        settings.auth_required = g_test_rand_bit();
        peer.session = smtp_session_new(&settings, &handler, &peer);
        for (int n = g_test_rand_int_range(1, 60); n > 0 && left > 0 && !model.closed; n--, left--)
            say_command(&peer, &model);
        messages += (guint64)model.messages;
        closed += model.closed;
        smtp_session_free(peer.session);
        g_assert_cmpint(peer.open, ==, 0);
    }
    g_test_message("%" G_GUINT64_FORMAT " messages, %" G_GUINT64_FORMAT " sessions ended early", messages,
                   closed);
    g_assert_true(wanted || messages > 1000);
    g_string_free(peer.said, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/random", test_random);
    return g_test_run();
}
