/* Random commands, good, bad and out of order, against a reference model that knows nothing of the code:
 * every reply, every question to the handler must be the model's. SMTP_MODEL_COMMANDS sets how many; `make soak`
 * says ten times more than `make check`. */
#include "smtp/session.h"

#include "model.h"

#include <stdlib.h>
#include <string.h>

static SmtpSettings settings = {
    .hostname = "mx.test",
    .max_bytes = MODEL_MAX_BYTES,
    .max_recipients = MODEL_MAX_RECIPIENTS,
    .max_errors = MODEL_MAX_ERRORS,
    .max_idle_commands = MODEL_MAX_IDLE,
    .max_messages = MODEL_MAX_MESSAGES,
    .tls = SMTP_TLS_OFFERED,
    .auth_in_plain = true,
};

typedef struct {
    SmtpSession *session;
    GString *said;
    ModelHandler says;
    enum { ASKED_COMMAND, ASKED_DATA, ASKED_END, ASKED_AUTH, ASKED_XCLIENT, ASKED_XFORWARD } asked;
    bool later, waiting, handshake, quit;
    guint recipients;
    int open;
    size_t bytes;
} Peer;

/* Its answer to what was asked. */
static int
peer_code(const Peer *self)
{
    int code = self->says.code;

    switch (self->asked) {
    case ASKED_AUTH:
        return code == 250 ? 235 : code == 450 ? 454 : 535;
    case ASKED_XCLIENT:
        return code == 250 ? 220 : code == 450 ? 501 : code;
    case ASKED_DATA:
        return code == 250 ? 354 : code;
    default:
        return code;
    }
}

static void
give(Peer *self)
{
    const Reply one = { peer_code(self), NULL, (char *)"Handler" };
    Reply all[MODEL_MAX_RECIPIENTS];

    if (self->asked != ASKED_END || !settings.lmtp || !self->says.each) {
        smtp_session_resume(self->session, &one);
        return;
    }
    for (guint i = 0; i < self->recipients; i++)
        all[i] = (Reply){ i % 2 ? self->says.other : one.code, NULL, (char *)"Handler" };
    smtp_session_resume_each(self->session, all, self->recipients);
}

static void
answer(Peer *self, int asked)
{
    self->asked = asked;
    self->waiting = self->later;
    if (!self->later)
        give(self);
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
    self->open += self->says.code == 250;
    self->bytes = self->recipients = 0;
    answer(self, ASKED_COMMAND);
}

static void
on_rcpt(void *user, const SmtpRcpt *rcpt)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 1);
    self->recipients += self->says.code == 250;
    answer(self, ASKED_COMMAND);
}

static void
on_data_begin(void *user)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 1);
    answer(self, ASKED_DATA);
}

static bool
on_data_bytes(void *user, const char *bytes, size_t n)
{
    Peer *self = user;

    g_assert_cmpint(self->open, ==, 1);
    self->bytes += n;
    g_assert_cmpuint(self->bytes, <=, MODEL_MAX_BYTES);
    self->waiting = self->later;
    return !self->later;
}

static void
on_data_end(void *user)
{
    g_assert_cmpint(((Peer *)user)->open, ==, 1);
    answer(user, ASKED_END);
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
    answer(self, ASKED_AUTH);
}

static void
on_xclient(void *user, const SmtpOrigin *origin)
{
    g_assert_cmpint(((Peer *)user)->open, ==, 0);
    answer(user, ASKED_XCLIENT);
}

static void
on_xforward(void *user, const SmtpOrigin *origin)
{
    g_assert_cmpint(((Peer *)user)->open, ==, 0);
    answer(user, ASKED_XFORWARD);
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
    .xclient = on_xclient,
    .xforward = on_xforward,
};

/* Feeds text in pieces of any size. */
static void
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
            give(self);
        }
    }
}

/* The first reply has that code, and there are as many as the model says; but for a closing 421 after an error. */
static void
assert_said(const Peer *self, const Model *model, int want)
{
    const char *line = self->said->str;
    int n = 0;

    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        if (line[3] == '-')
            continue;
        bool last = model->closed && n == model->due;
        int code = last ? 421 : n % 2 ? model->other : want;
        g_assert_cmpint(atoi(line), ==, code);
        n += !last;
    }
    g_assert_cmpint(n, ==, model->due);
}

/* What the handler says next, and when. */
static void
prepare(Peer *self, int for_a_moment, int for_good)
{
    const int codes[] = { 250, 250, 250, for_a_moment, for_good };

    self->says.code = codes[g_test_rand_int_range(0, G_N_ELEMENTS(codes))];
    self->says.other = codes[g_test_rand_int_range(0, G_N_ELEMENTS(codes))];
    self->says.each = g_test_rand_bit();
    self->later = g_test_rand_bit();
}

static void
say_message(Peer *peer, Model *model)
{
    int n = g_test_rand_int_range(0, 50);
    g_autofree char *filler = g_strnfill((gsize)n, 'x');
    g_autofree char *text = n ? g_strconcat(filler, "\r\n.\r\n", NULL) : g_strdup(".\r\n");

    prepare(peer, 451, 554);
    int want = model_message(model, n ? (size_t)n + 2 : 0, &peer->says);
    peer_say(peer, text);
    assert_said(peer, model, want);
}

/* Two times in three what a client would say next; otherwise few sessions come far. */
static guint
pick(const Model *model)
{
    ModelKind hello = model->lmtp ? LHLO : EHLO;
    bool enough = model->recipients > 0 && g_test_rand_bit();
    bool nameless = model->auth_required && !model->authenticated;
    ModelKind end = model->chunks || g_test_rand_bit() ? BDAT : DATA;
    ModelKind begin = !model->hello ? hello : nameless ? AUTH : MAIL;
    ModelKind next = !model->mail ? begin : model->chunks || enough ? end : RCPT;
    bool sensible = g_test_rand_int_range(0, 3) > 0;

    for (;;) {
        guint i = (guint)g_test_rand_int_range(0, (int)n_model_lines);
        if (!sensible || model_lines[i].kind == next)
            return i;
    }
}

/* What follows a chunk: commands, for whoever takes them for such. */
static const char *
octets_of(guint i)
{
    static const char many[] = "QUIT\r\nNOOP\r\nMAIL FROM:<a@x.test>\r\nRSET\r\n.\r\n";
    size_t n = model_lines[i].kind == BDAT && model_lines[i].code == 250 ? (size_t)atoi(model_lines[i].line + 5) : 0;

    g_assert_cmpuint(n, <, sizeof many);
    return many + sizeof many - 1 - n;
}

static void
say_command(Peer *peer, Model *model)
{
    guint i = pick(model);
    g_autofree char *text = g_strconcat(model_lines[i].line, g_test_rand_bit() ? "\r\n" : "\n", octets_of(i), NULL);

    prepare(peer, 450, 550);
    int want = model_say(model, i, &peer->says);
    peer_say(peer, text);
    if (atoi(peer->said->str) != want)
        g_test_message("to %s: %s", model_lines[i].line, peer->said->str);
    assert_said(peer, model, want);
    g_assert_cmpint(peer->quit, ==, model->closed);
    g_assert_cmpint(peer->open, ==, model->mail && !model->closed);
    if (want == 354)
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
        settings.auth_required = model.auth_required = g_test_rand_bit();
        settings.lmtp = model.lmtp = g_test_rand_bit();
        peer.session = smtp_session_new(&settings, &handler, &peer);
        if ((model.trusted = g_test_rand_bit()))
            smtp_session_trust(peer.session);
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
