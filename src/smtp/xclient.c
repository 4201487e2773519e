#include "smtp/state.h"

#include "smtp/syntax.h"

#include <string.h>

enum { MAX_VALUE_BYTES = 255 };

#define XCLIENT_NAMES "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
#define XFORWARD_NAMES "NAME ADDR PORT PROTO HELO IDENT SOURCE"

const char *
smtp_trust_offers(const SmtpSession *self)
{
    return self->trusted ? "\nXCLIENT " XCLIENT_NAMES "\nXFORWARD " XFORWARD_NAMES : "";
}

/* Where an attribute goes; NULL: it is known, and of no use here. *known: false if it is not even that. */
static const char **
place_of(SmtpOrigin *origin, const char *names, const char *key, bool *known)
{
    static const struct {
        const char *key;
        size_t offset;
    } rows[] = {
        { "NAME", G_STRUCT_OFFSET(SmtpOrigin, name) },
        { "ADDR", G_STRUCT_OFFSET(SmtpOrigin, address) },
        { "HELO", G_STRUCT_OFFSET(SmtpOrigin, helo) },
        { "LOGIN", G_STRUCT_OFFSET(SmtpOrigin, login) },
    };
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    g_autofree char *upper = g_ascii_strup(key, -1);

    *known = g_strv_contains((const char *const *)words, upper);
    for (guint i = 0; *known && i < G_N_ELEMENTS(rows); i++)
        if (strcmp(upper, rows[i].key) == 0)
            return (const char **)((char *)origin + rows[i].offset);
    return NULL;
}

/* Decodes "KEY=value …"; what the other side does not know becomes "". */
static bool
take_origin(SmtpOrigin *origin, const char *names, char *args)
{
    SyntaxParam param;
    SyntaxNext next;
    guint n = 0;
    bool known = true;

    while ((next = syntax_param(&args, &param)) == SYNTAX_PARAM) {
        const char **place = place_of(origin, names, param.key, &known);
        if (!known || !param.value || !syntax_xtext(param.value) || strlen(param.value) > MAX_VALUE_BYTES)
            return false;
        bool unknown = g_ascii_strcasecmp(param.value, "[UNAVAILABLE]") == 0 ||
                       g_ascii_strcasecmp(param.value, "[TEMPUNAVAIL]") == 0;
        if (place)
            *place = unknown ? "" : param.value;
        n++;
    }
    return next == SYNTAX_PARAM_END && n > 0;
}

/* Reads the command; false: it is answered. */
static bool
smtp_take_origin(SmtpSession *self, SmtpOrigin *origin, const char *names, char *args)
{
    if (!self->trusted)
        smtp_fail(self, 502, "5.5.1", "Command not offered");
    else if (self->state > SMTP_IDENTIFIED)
        smtp_fail(self, 503, "5.5.1", "Not in the middle of a mail");
    else if (!take_origin(origin, names, args))
        smtp_fail(self, 501, "5.5.4", "Bad attribute");
    else
        return true;
    return false;
}

void
smtp_xclient(SmtpSession *self, char *args)
{
    SmtpOrigin origin = { 0 };

    if (!smtp_take_origin(self, &origin, XCLIENT_NAMES, args))
        return;
    self->claims_login = origin.login && *origin.login;
    self->asked = ASKED_XCLIENT;
    self->handler->xclient(self->user, &origin);
}

void
smtp_xforward(SmtpSession *self, char *args)
{
    SmtpOrigin origin = { 0 };

    if (!smtp_take_origin(self, &origin, XFORWARD_NAMES, args))
        return;
    self->asked = ASKED_XFORWARD;
    self->handler->xforward(self->user, &origin);
}

/* Somebody else speaks from now on, and begins anew. */
void
smtp_xclient_answer(SmtpSession *self, const Reply *reply)
{
    if (reply->code == 501) {
        smtp_fail(self, reply->code, reply->dsn, reply->text);
    }
    else if (reply->code != 220) {
        smtp_quit_reply(self, reply);
    }
    else {
        self->authenticated = self->claims_login;
        self->esmtp = false;
        smtp_enter(self, SMTP_GREETED);
        smtp_greet(self);
    }
}
