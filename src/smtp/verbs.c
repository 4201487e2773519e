#include "smtp/state.h"

#include "base/clock.h"
#include "smtp/params.h"
#include "smtp/syntax.h"

#include <string.h>

#define IN(state) (1u << (state))
#define ANYWHERE (~0u)

enum {
    ENDS_GROUP = 1 << 0,   /* the client must wait for our answer (RFC 2920) */
    IDLE = 1 << 1,         /* brings no mail nearer */
    NO_ARGUMENTS = 1 << 2, /* 501 5.5.4 with any */
    IN_PLAIN = 1 << 3,     /* allowed before the TLS that is required */
    NEEDS_AUTH = 1 << 4,   /* 530 5.7.0 where AUTH is required */
};

/* RFC 9422: what a client need not find out by being refused. */
static void
put_limits(const SmtpSettings *settings, GString *out)
{
    if (settings->max_recipients || settings->max_messages)
        g_string_append(out, "\nLIMITS");
    if (settings->max_messages)
        g_string_append_printf(out, " MAILMAX=%u", settings->max_messages);
    if (settings->max_recipients)
        g_string_append_printf(out, " RCPTMAX=%u", settings->max_recipients);
}

/* RFC 4865: the longest time, and when that would be. */
static void
put_hold(const SmtpSettings *settings, GString *out)
{
    if (!settings->hold_s)
        return;
    g_autoptr(GDateTime) latest = g_date_time_new_from_unix_utc(clock_now() / 1000 + settings->hold_s);
    g_autofree char *text = g_date_time_format(latest, "%Y-%m-%dT%H:%M:%SZ");
    g_string_append_printf(out, "\nFUTURERELEASE %u %s", settings->hold_s, text);
}

/* RFC 2852: the shortest by-time of mode R. */
static void
put_deliver_by(const SmtpSettings *settings, GString *out)
{
    if (settings->deliver_by)
        g_string_append(out, "\nDELIVERBY");
    if (settings->deliver_by && settings->by_least_s)
        g_string_append_printf(out, " %u", settings->by_least_s);
}

static void
smtp_put_offers(const SmtpSession *self, GString *out)
{
    const SmtpSettings *settings = self->settings;
    g_autofree char *secure = smtp_secure_offers(self);

    g_string_append_printf(out, "\nPIPELINING\nSIZE %" G_GINT64_FORMAT "\n8BITMIME\nBINARYMIME\nCHUNKING",
                           settings->max_bytes);
    put_limits(settings, out);
    put_hold(settings, out);
    put_deliver_by(settings, out);
    g_string_append_printf(out, "%s\nSMTPUTF8\nENHANCEDSTATUSCODES%s%s%s%s",
                           settings->priorities ? "\nMT-PRIORITY" : "",
                           settings->dsn ? "\nDSN" : "", secure, settings->sendmail ? "\nXSENDMAIL" : "",
                           smtp_trust_offers(self));
}

static void
smtp_hello(SmtpSession *self, char *args, bool esmtp)
{
    const char *name = self->settings->lenient && *args ? syntax_clean_name(args) : args;

    if (!syntax_name(name)) {
        smtp_fail(self, 501, "5.5.4", esmtp ? "Syntax: EHLO hostname" : "Syntax: HELO hostname");
        return;
    }
    smtp_end_transaction(self);
    if (self->state == SMTP_CLOSED)
        return;
    smtp_enter(self, SMTP_IDENTIFIED);
    self->esmtp = esmtp;
    self->handler->helo(self->user, name, esmtp);

    g_autoptr(GString) text = g_string_new(self->settings->hostname);
    if (esmtp)
        smtp_put_offers(self, text);
    smtp_say_reply(self, &(Reply){ 250, NULL, text->str });
}

/* RFC 2033: neither takes the other's greeting. */
static bool
smtp_speaks(SmtpSession *self, bool lmtp)
{
    if (self->settings->lmtp == lmtp)
        return true;
    smtp_fail(self, 500, "5.5.1", lmtp ? "This is SMTP, say EHLO" : "This is LMTP, say LHLO");
    return false;
}

static void
smtp_lhlo(SmtpSession *self, char *args)
{
    if (smtp_speaks(self, true))
        smtp_hello(self, args, true);
}

static void
smtp_ehlo(SmtpSession *self, char *args)
{
    if (smtp_speaks(self, false))
        smtp_hello(self, args, true);
}

static void
smtp_helo(SmtpSession *self, char *args)
{
    if (smtp_speaks(self, false))
        smtp_hello(self, args, false);
}

static void
smtp_mail(SmtpSession *self, char *args)
{
    SmtpMail mail = { .size = -1 };

    if (self->settings->max_messages && self->messages >= self->settings->max_messages) {
        smtp_quit(self, 421, "4.7.0", "Too many messages in one session");
        return;
    }
    SmtpFault fault = params_mail(self->settings, self->esmtp,
                                  self->settings->lenient ? syntax_join_colon(args, "FROM") : args, &mail);
    if (fault.code) {
        smtp_fail(self, fault.code, fault.dsn, fault.text);
        return;
    }
    self->mail.smtputf8 = mail.smtputf8;
    self->mail.binary = g_strcmp0(mail.body, "BINARYMIME") == 0;
    self->mail.from_headers = mail.from_headers;
    self->mail.bounce_refusals = mail.bounce_refusals && self->handler->data_too_big;
    self->asked = ASKED_MAIL;
    self->handler->mail(self->user, &mail);
}

static void
smtp_rcpt(SmtpSession *self, char *args)
{
    SmtpRcpt rcpt = { 0 };
    SmtpFault fault = params_rcpt(self->esmtp, self->mail.smtputf8,
                                  self->settings->lenient ? syntax_join_colon(args, "TO") : args, &rcpt);

    if (fault.code) {
        smtp_say(self, fault.code, fault.dsn, fault.text);
        smtp_count_refused(self);
        return;
    }
    /* Neither an error nor a refusal: those accepted before must get their mail. */
    if (self->settings->max_recipients && self->mail.recipients >= self->settings->max_recipients) {
        smtp_say(self, 452, "4.5.3", "Too many recipients");
        return;
    }
    self->asked = ASKED_RCPT;
    self->handler->rcpt(self->user, &rcpt);
}

static void
smtp_data(SmtpSession *self, char *args)
{
    if (self->mail.binary) {
        smtp_fail(self, 503, "5.5.1", "BINARYMIME needs BDAT");
    }
    else if (self->state == SMTP_RCPT) {
        self->asked = ASKED_DATA;
        self->handler->data_begin(self->user);
    }
    else if (self->mail.refused && !self->settings->lmtp) {
        smtp_fail(self, 554, "5.5.1", "No valid recipients");
    }
    else {
        smtp_fail(self, 503, "5.5.1", "Need RCPT first");
    }
}

static void
smtp_rset(SmtpSession *self, char *args)
{
    smtp_end_transaction(self);
    smtp_say(self, 250, "2.0.0", "Ok");
}

static void
smtp_noop(SmtpSession *self, char *args)
{
    smtp_say(self, 250, "2.0.0", "Ok");
}

static void
smtp_vrfy(SmtpSession *self, char *args)
{
    if (*args)
        smtp_say(self, 252, "2.0.0", "Send some mail, I'll try my best");
    else
        smtp_fail(self, 501, "5.5.4", "Syntax: VRFY address");
}

static void
smtp_help(SmtpSession *self, char *args)
{
    g_autofree char *verbs = g_strconcat(self->settings->lmtp ? "LHLO" : "EHLO HELO",
                                         " MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT",
                                         smtp_offers_starttls(self) ? " STARTTLS" : "",
                                         smtp_offers_auth(self) ? " AUTH" : "", NULL);

    smtp_say(self, 214, "2.0.0", verbs);
}

static void
smtp_bye(SmtpSession *self, char *args)
{
    smtp_quit(self, 221, "2.0.0", "Bye");
}

static void
smtp_not_offered(SmtpSession *self, char *args)
{
    smtp_fail(self, 502, "5.5.1", "Command not offered");
}

/* A browser was talked into carrying mail for somebody else. */
static void
smtp_not_smtp(SmtpSession *self, char *args)
{
    smtp_quit(self, 554, "5.5.0", "This is not a web server");
}

/* An address that is none is an answer, no error; and mailq's pages are many. */
static void
smtp_question(SmtpSession *self, const char *verb, char *args)
{
    SmtpQuestion question = { 0 };

    if (!self->settings->sendmail || !self->handler->ask) {
        smtp_fail(self, 500, "5.5.2", "Unknown command");
        return;
    }
    SmtpFault fault = params_question(verb, args, &question);
    if (fault.code) {
        smtp_say(self, fault.code, fault.dsn, fault.text);
        return;
    }
    self->asked = ASKED_QUESTION;
    self->handler->ask(self->user, &question);
}

static void
smtp_xqueue(SmtpSession *self, char *args)
{
    smtp_question(self, "XQUEUE", args);
}

static void
smtp_xtest(SmtpSession *self, char *args)
{
    smtp_question(self, "XTEST", args);
}

static void
smtp_xaliases(SmtpSession *self, char *args)
{
    smtp_question(self, "XALIASES", args);
}

#define READY (IN(SMTP_MAIL) | IN(SMTP_RCPT))

/* The commands: the specification. */
static const struct {
    const char *verb;
    void (*run)(SmtpSession *self, char *args);
    unsigned states;
    const char *out_of_order;
    unsigned flags;
} smtp_verbs[] = {
    { "EHLO", smtp_ehlo, ANYWHERE, NULL, ENDS_GROUP | IDLE | IN_PLAIN },
    { "HELO", smtp_helo, ANYWHERE, NULL, ENDS_GROUP | IDLE | IN_PLAIN },
    { "LHLO", smtp_lhlo, ANYWHERE, NULL, ENDS_GROUP | IDLE | IN_PLAIN },
    { "MAIL", smtp_mail, IN(SMTP_IDENTIFIED), "Say EHLO first, one MAIL at a time", NEEDS_AUTH },
    { "RCPT", smtp_rcpt, READY, "Need MAIL first", 0 },
    { "DATA", smtp_data, READY, "Need RCPT first", ENDS_GROUP | NO_ARGUMENTS },
    { "RSET", smtp_rset, ANYWHERE, NULL, IDLE | NO_ARGUMENTS | IN_PLAIN },
    { "NOOP", smtp_noop, ANYWHERE, NULL, IDLE | IN_PLAIN },
    { "VRFY", smtp_vrfy, ANYWHERE, NULL, IDLE },
    { "HELP", smtp_help, ANYWHERE, NULL, IDLE | IN_PLAIN },
    { "QUIT", smtp_bye, ANYWHERE, NULL, NO_ARGUMENTS | IN_PLAIN },
    { "EXPN", smtp_not_offered, ANYWHERE, NULL, 0 },
    { "ETRN", smtp_not_offered, ANYWHERE, NULL, 0 },
    { "TURN", smtp_not_offered, ANYWHERE, NULL, 0 },
    { "ATRN", smtp_not_offered, ANYWHERE, NULL, 0 },
    { "XCLIENT", smtp_xclient, ANYWHERE, NULL, ENDS_GROUP | IDLE | IN_PLAIN },
    { "XFORWARD", smtp_xforward, ANYWHERE, NULL, IDLE | IN_PLAIN },
    { "STARTTLS", smtp_starttls, ANYWHERE, NULL, ENDS_GROUP | NO_ARGUMENTS | IN_PLAIN },
    { "AUTH", smtp_auth, IN(SMTP_IDENTIFIED), "Say EHLO first, AUTH before MAIL", ENDS_GROUP | IN_PLAIN },
    { "BDAT", smtp_bdat, ANYWHERE, NULL, IN_PLAIN },
    { "XQUEUE", smtp_xqueue, ANYWHERE, NULL, 0 },
    { "XTEST", smtp_xtest, ANYWHERE, NULL, 0 },
    { "XALIASES", smtp_xaliases, ANYWHERE, NULL, 0 },
    { "GET", smtp_not_smtp, ANYWHERE, NULL, 0 },
    { "POST", smtp_not_smtp, ANYWHERE, NULL, 0 },
    { "PUT", smtp_not_smtp, ANYWHERE, NULL, 0 },
    { "CONNECT", smtp_not_smtp, ANYWHERE, NULL, 0 },
};

static void
smtp_run(SmtpSession *self, guint verb, char *args)
{
    unsigned flags = smtp_verbs[verb].flags;

    /* Whoever doesn't wait for the answer guesses it, and may be a voice that was slipped in. */
    if (flags & ENDS_GROUP && self->left > 0 && !self->settings->early_talk)
        smtp_quit(self, smtp_early_talk.code, smtp_early_talk.dsn, smtp_early_talk.text);
    else if (flags & IDLE && !smtp_count_idle(self))
        return;
    else if (smtp_lacks_tls(self) && !(flags & IN_PLAIN))
        smtp_fail(self, 530, "5.7.0", "Say STARTTLS first");
    else if (smtp_lacks_auth(self) && flags & NEEDS_AUTH)
        smtp_fail(self, 530, "5.7.0", "Authentication required");
    else if (!(smtp_verbs[verb].states & IN(self->state)))
        smtp_fail(self, 503, "5.5.1",
                  self->state == SMTP_CHUNKS ? "Say BDAT or RSET" : smtp_verbs[verb].out_of_order);
    else if (flags & NO_ARGUMENTS && *args)
        smtp_fail(self, 501, "5.5.4", "No arguments, please");
    else
        smtp_verbs[verb].run(self, args);
}

void
smtp_command(SmtpSession *self, char *line)
{
    char *args = line + strcspn(line, " ");

    if (*args)
        *args++ = '\0';
    args += strspn(args, " ");
    for (char *end = args + strlen(args); end > args && end[-1] == ' ';)
        *--end = '\0';
    for (guint i = 0; i < G_N_ELEMENTS(smtp_verbs); i++) {
        if (g_ascii_strcasecmp(line, smtp_verbs[i].verb) == 0) {
            smtp_run(self, i, args);
            /* A message by chunks was given up that the end of the session waited for. */
            if (self->last_words.code && !smtp_receives(self))
                smtp_quit_reply(self, &self->last_words);
            return;
        }
    }
    smtp_fail(self, 500, "5.5.2", *line ? "Unknown command" : "Empty command");
}
