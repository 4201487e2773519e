/* Fuzzes the session: the first bytes choose settings, the rest is what a client sends, cut as it says, to a
 * handler that answers whatever, now or later. What must hold is asserted. */
#include "smtp/session.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define USERS "ann:*:{SCRAM-SHA-256}4096,c2FsdA==," KEY "," KEY "\n"

typedef struct {
    SmtpSession *session;
    guint32 random;
    bool waiting, bytes, open, quit, dead, handshake, authenticated, trusted;
    const SmtpSettings *settings;
    guint writes, recipients;
    gint64 left;
} Fuzz;

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

static guint
pick(Fuzz *self, guint n)
{
    self->random = self->random * 1664525 + 1013904223;
    return (self->random >> 16) % n;
}

static void
resume(Fuzz *self, int good)
{
    static const int codes[] = { 250, 450, 550, 421, 554, 354 };
    Reply reply = { good, "2.0.0", (char *)"An\nanswer" };

    if (pick(self, 8) == 0)
        reply.code = codes[pick(self, G_N_ELEMENTS(codes))];
    smtp_session_resume(self->session, &reply);
}

static int
due(Fuzz *self, int good)
{
    MUST(!self->dead && !self->quit);
    self->waiting = pick(self, 2) == 0;
    return self->waiting ? 0 : good;
}

static void
on_write(void *user, const char *bytes, size_t n)
{
    Fuzz *self = user;
    const char *line = bytes;

    MUST(!self->dead && !self->quit && n > 0);
    for (const char *lf; line < bytes + n; line = lf + 1) {
        lf = memchr(line, '\n', (size_t)(bytes + n - line));
        MUST(lf && lf - line >= 4 && lf[-1] == '\r');
        MUST(lf - line < REPLY_LINE_BYTES || memcmp(line, "334 ", 4) == 0);
        MUST(g_ascii_isdigit(line[0]) && g_ascii_isdigit(line[2]) && strchr(" -", line[3]));
        for (const char *p = line; p < lf - 1; p++)
            MUST(*p >= ' ' && *p <= '~');
    }
    self->writes++;
}

static void
on_helo(void *user, const char *name, bool esmtp)
{
    MUST(!((Fuzz *)user)->open && *name);
    for (; *name; name++)
        MUST(*name > ' ' && *name <= '~' && *name != '<');
}

/* No value may carry what could end a line or a string elsewhere. */
static void
clean(const char *text)
{
    MUST(g_utf8_validate(text, -1, NULL));
    for (; *text; text++)
        MUST((guchar)*text >= ' ' && *text != 0x7F);
}

/* The session does not tell what became of a mail until it is reset: note what it was answered. */
static void
on_mail(void *user, const SmtpMail *mail)
{
    Fuzz *self = user;

    MUST(!self->open && !self->dead && !self->quit && !self->handshake);
    MUST(self->authenticated || !self->settings->auth_required);
    clean(mail->sender);
    clean(mail->full_name ? mail->full_name : "");
    clean(mail->envid ? mail->envid : "");
    clean(mail->notify ? mail->notify : "");
    clean(mail->tag ? mail->tag : "");
    clean(mail->via ? mail->via : "");
    self->open = true;
    self->recipients = 0;
    smtp_session_resume(self->session, &(Reply){ 250, "2.1.0", (char *)"Ok" });
}

static void
on_rcpt(void *user, const SmtpRcpt *rcpt)
{
    MUST(((Fuzz *)user)->open && *rcpt->address);
    clean(rcpt->address);
    clean(rcpt->orcpt ? rcpt->orcpt : "");
    clean(rcpt->notify ? rcpt->notify : "");
    /* Counted, so answered at once. */
    bool good = pick(user, 8) > 0;
    ((Fuzz *)user)->recipients += good;
    smtp_session_resume(((Fuzz *)user)->session, &(Reply){ good ? 250 : 550, "2.1.5", (char *)"Well" });
}

static void
on_data_begin(void *user)
{
    MUST(((Fuzz *)user)->open);
    if (due(user, 354))
        resume(user, 354);
}

static bool
on_data_bytes(void *user, const char *bytes, size_t n)
{
    Fuzz *self = user;

    MUST(self->open && n > 0);
    self->left -= (gint64)n;
    MUST(self->left >= 0);
    self->bytes = !due(self, 1);
    return !self->bytes;
}

static void
on_data_end(void *user)
{
    Fuzz *self = user;
    Reply each[5] = { 0 };

    MUST(self->open && self->recipients <= G_N_ELEMENTS(each));
    if (self->settings->lmtp && self->recipients && pick(self, 2)) {
        for (guint i = 0; i < self->recipients; i++)
            each[i] = (Reply){ pick(self, 2) ? 250 : 550, "2.0.0", (char *)"One" };
        smtp_session_resume_each(self->session, each, self->recipients);
        return;
    }
    if (due(user, 250))
        resume(user, 250);
}

static void
on_reset(void *user)
{
    Fuzz *self = user;

    MUST(self->open && !self->dead);
    self->open = false;
    self->left = 1000;
}

static void
on_quit(void *user)
{
    Fuzz *self = user;

    MUST(!self->quit && !self->open);
    self->quit = true;
}

static void
on_ask(void *user, const SmtpQuestion *question)
{
    MUST(!((Fuzz *)user)->dead);
    clean(question->id ? question->id : "");
    clean(question->address ? question->address : "");
    clean(question->sender ? question->sender : "");
    if (due(user, 250))
        resume(user, 250);
}

static void
on_auth(void *user, const SmtpAuth *auth)
{
    static const int codes[] = { 235, 235, 535, 454 };
    Fuzz *self = user;
    int code = codes[pick(self, G_N_ELEMENTS(codes))];

    MUST(!self->open && !self->dead && !self->quit && !self->authenticated && self->settings->passwords);
    clean(auth->user ? auth->user : "");
    MUST(auth->user || !(auth->password || auth->proved));
    self->authenticated = code == 235;
    smtp_session_resume(self->session, &(Reply){ code, "2.0.0", (char *)"Well" });
}

static void
on_starttls(void *user)
{
    Fuzz *self = user;

    MUST(!self->open && !self->handshake && self->settings->tls == SMTP_TLS_OFFERED);
    self->handshake = true;
}

static void
on_xclient(void *user, const SmtpOrigin *origin)
{
    static const int codes[] = { 220, 220, 501, 554 };
    Fuzz *self = user;
    int code = codes[pick(self, G_N_ELEMENTS(codes))];

    MUST(!self->open && !self->dead && !self->quit && self->trusted);
    clean(origin->name ? origin->name : "");
    clean(origin->address ? origin->address : "");
    clean(origin->helo ? origin->helo : "");
    clean(origin->login ? origin->login : "");
    if (code == 220)
        self->authenticated = origin->login && *origin->login;
    smtp_session_resume(self->session, &(Reply){ code, "2.0.0", (char *)"Well" });
}

static void
on_xforward(void *user, const SmtpOrigin *origin)
{
    Fuzz *self = user;

    MUST(!self->open && !origin->login && self->trusted);
    clean(origin->name ? origin->name : "");
    if (due(self, 250))
        resume(self, 250);
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
    .ask = on_ask,
    .auth = on_auth,
    .starttls = on_starttls,
    .xclient = on_xclient,
    .xforward = on_xforward,
};

static void
answer(Fuzz *self)
{
    if (self->handshake) {
        self->handshake = false;
        smtp_session_secured(self->session);
    }
    while (smtp_session_busy(self->session)) {
        MUST(self->waiting);
        self->waiting = false;
        if (self->bytes) {
            self->bytes = false;
            smtp_session_resume(self->session, NULL);
        }
        else {
            resume(self, pick(self, 2) ? 250 : 354);
        }
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    static Passwords *users;

    if (n < 3)
        return 0;
    if (!users)
        users = passwords_parse("users", USERS, NULL);
    SmtpSettings settings = {
        .hostname = "mx.test",
        .max_bytes = 1000,
        .max_recipients = 5,
        .max_errors = data[0] & 1 ? 5 : 0,
        .max_idle_commands = data[0] & 2 ? 10 : 0,
        .max_messages = data[0] & 4 ? 2 : 0,
        .sendmail = data[0] & 8,
        .early_talk = data[0] & 16,
        .passwords = data[0] & 32 ? users : NULL,
        .auth_in_plain = true,
        .auth_required = data[0] & 32 && data[0] & 64,
        .lmtp = data[1] & 128,
        .dsn = data[1] & 32,
        .hold_s = data[1] & 16 ? 3600 : 0,
        .deliver_by = data[1] & 16,
        .by_least_s = data[1] & 8 ? 60 : 0,
        .priorities = data[1] & 16,
        .tls = data[0] & 128 ? SMTP_TLS_OFFERED : SMTP_TLS_OFF,
    };
    Fuzz self = { .random = data[1], .left = 1000, .settings = &settings, .trusted = data[1] & 64 };
    size_t most = data[2] ? data[2] : n;

    self.session = smtp_session_new(&settings, &handler, &self);
    if (self.trusted)
        smtp_session_trust(self.session);
    for (size_t at = 3, piece; at < n; at += piece) {
        piece = MIN(most, n - at);
        smtp_session_feed(self.session, (const char *)data + at, piece);
        /* Sometimes a client is faster than the handler, and sometimes an operator is. */
        if (pick(&self, 16) == 0)
            smtp_session_shut_down(self.session, NULL);
        if (pick(&self, 64) == 0)
            smtp_session_abort(self.session, NULL);
        if (pick(&self, 4))
            answer(&self);
        MUST(self.quit == (smtp_session_phase(self.session) == SMTP_PHASE_CLOSED));
    }
    smtp_session_free(self.session);
    self.dead = true;
    MUST(!self.open);
    return 0;
}
