#include "smtp/params.h"

#include "base/clock.h"
#include "mail/address.h"
#include "smtp/syntax.h"

#include <string.h>

enum { MAX_HOPS = 10000, MAX_LABEL_BYTES = 255, MAX_ID_BYTES = 64 };

static const SmtpFault no_fault = { 0 };
static const SmtpFault bad_parameter = { 501, "5.5.4", "Bad parameter" };
static const SmtpFault unknown_parameter = { 555, "5.5.4", "Unsupported parameter" };

static SmtpFault
judged(bool good)
{
    return good ? no_fault : bad_parameter;
}

static SmtpFault
param_size(SmtpMail *mail, char *value)
{
    gint64 size;

    if (!value || !syntax_size(value, &size))
        return bad_parameter;
    /* Clients that add SIZE without looking whether the caller has done so are many. */
    mail->size = MAX(mail->size, size);
    return no_fault;
}

static SmtpFault
param_body(SmtpMail *mail, char *value)
{
    if (value && g_ascii_strcasecmp(value, "7BIT") == 0)
        mail->body = "7BIT";
    else if (value && g_ascii_strcasecmp(value, "8BITMIME") == 0)
        mail->body = "8BITMIME";
    else if (value && g_ascii_strcasecmp(value, "BINARYMIME") == 0)
        mail->body = "BINARYMIME";
    else
        return bad_parameter;
    return no_fault;
}

static SmtpFault
param_smtputf8(SmtpMail *mail, char *value)
{
    mail->smtputf8 = true;
    return judged(!value);
}

static SmtpFault
param_ret(SmtpMail *mail, char *value)
{
    if (mail->ret || !value)
        return bad_parameter;
    if (g_ascii_strcasecmp(value, "FULL") == 0)
        mail->ret = "FULL";
    else if (g_ascii_strcasecmp(value, "HDRS") == 0)
        mail->ret = "HDRS";
    return judged(mail->ret != NULL);
}

static SmtpFault
param_envid(SmtpMail *mail, char *value)
{
    if (mail->envid || !value || !syntax_envid(value))
        return bad_parameter;
    mail->envid = value;
    return no_fault;
}

/* Whether it is too far away is judged once the settings are known. */
static SmtpFault
param_holdfor(SmtpMail *mail, char *value)
{
    gint64 seconds;

    if (mail->hold_until_ms || !value || strlen(value) > 9 || !syntax_size(value, &seconds))
        return bad_parameter;
    mail->hold_until_ms = clock_now() + seconds * 1000;
    return no_fault;
}

static SmtpFault
param_holduntil(SmtpMail *mail, char *value)
{
    g_autoptr(GDateTime) time = value ? g_date_time_new_from_iso8601(value, NULL) : NULL;

    if (mail->hold_until_ms || !time || !strchr(value, 'T'))
        return bad_parameter;
    mail->hold_until_ms = MAX(1, g_date_time_to_unix(time) * 1000);
    return no_fault;
}

/* RFC 2852: "120;R", "-5;NT". */
static SmtpFault
param_by(SmtpMail *mail, char *value)
{
    char *mode = value ? strchr(value, ';') : NULL;
    bool negative = value && *value == '-';
    gint64 seconds;

    if (mail->by_ms || !mode)
        return bad_parameter;
    *mode++ = '\0';
    value += negative;
    if (strlen(value) > 9 || !syntax_size(value, &seconds))
        return bad_parameter;
    mail->by_return = g_ascii_toupper(*mode) == 'R';
    if (!mail->by_return && g_ascii_toupper(*mode) != 'N')
        return bad_parameter;
    mail->by_trace = g_ascii_toupper(mode[1]) == 'T';
    if (mode[1] && (!mail->by_trace || mode[2]))
        return bad_parameter;
    mail->by_ms = MAX(1, clock_now() + (negative ? -seconds : seconds) * 1000);
    return judged(!mail->by_return || (seconds > 0 && !negative));
}

/* RFC 4954 section 5: who vouches to whom for the sender. It is checked, and nobody here asks for it. */
static SmtpFault
param_auth(SmtpMail *mail, char *value)
{
    return judged(value && *value && (strcmp(value, "<>") == 0 || syntax_xtext(value)));
}

static SmtpFault
param_priority(SmtpMail *mail, char *value)
{
    bool negative = value && *value == '-';
    const char *digit = value ? value + negative : "";

    if (!g_ascii_isdigit(*digit) || digit[1] || (negative && *digit == '0'))
        return bad_parameter;
    mail->priority = negative ? -(*digit - '0') : *digit - '0';
    return no_fault;
}

static SmtpFault
param_xsubmit(SmtpMail *mail, char *value)
{
    mail->submission = true;
    return judged(!value);
}

static SmtpFault
param_xheaders(SmtpMail *mail, char *value)
{
    mail->from_headers = true;
    return judged(!value);
}

static SmtpFault
param_xgateway(SmtpMail *mail, char *value)
{
    mail->gateway = true;
    return judged(!value);
}

static SmtpFault
param_xname(SmtpMail *mail, char *value)
{
    if (!value || !syntax_xtext(value))
        return bad_parameter;
    mail->full_name = value;
    return no_fault;
}

static SmtpFault
param_xdelivery(SmtpMail *mail, char *value)
{
    static const struct { const char *word; DeliveryMode mode; } rows[] = {
        { "auto", DELIVERY_AUTO },       { "queue", DELIVERY_QUEUE }, { "wait", DELIVERY_WAIT },
        { "verdict", DELIVERY_VERDICT }, { "later", DELIVERY_LATER },
    };

    for (guint i = 0; value && i < G_N_ELEMENTS(rows); i++)
        if (g_ascii_strcasecmp(value, rows[i].word) == 0)
            mail->delivery = rows[i].mode;
    return judged(mail->delivery != DELIVERY_UNSET);
}

static SmtpFault
param_xhops(SmtpMail *mail, char *value)
{
    gint64 hops;

    if (!value || !syntax_size(value, &hops))
        return bad_parameter;
    mail->hops = (guint)MIN(hops, MAX_HOPS);
    return no_fault;
}

static SmtpFault
param_xnoalias(SmtpMail *mail, char *value)
{
    mail->no_aliases = true;
    return judged(!value);
}

static SmtpFault
param_xnotify(SmtpMail *mail, char *value)
{
    if (!value || !syntax_notify(value))
        return bad_parameter;
    mail->notify = value;
    return no_fault;
}

/* What is only logged: short, so that a line of the log stays one. */
static SmtpFault
take_label(const char **label, char *value)
{
    if (!value || !syntax_xtext(value) || strlen(value) > MAX_LABEL_BYTES)
        return bad_parameter;
    *label = value;
    return no_fault;
}

static SmtpFault
param_xtag(SmtpMail *mail, char *value)
{
    return take_label(&mail->tag, value);
}

static SmtpFault
param_xvia(SmtpMail *mail, char *value)
{
    return take_label(&mail->via, value);
}

static SmtpFault
param_xaccount(SmtpMail *mail, char *value)
{
    return take_label(&mail->account, value);
}

static SmtpFault
param_xerrors(SmtpMail *mail, char *value)
{
    mail->bounce_refusals = value && g_ascii_strcasecmp(value, "mail") == 0;
    return judged(mail->bounce_refusals);
}

/* What must be offered for a parameter to be known. */
typedef enum { OFFER_ALWAYS, OFFER_HOLD, OFFER_DELIVER_BY, OFFER_PRIORITIES, OFFER_AUTH, OFFER_SENDMAIL } Offer;

static bool
is_offered(const SmtpSettings *settings, Offer offer)
{
    switch (offer) {
    case OFFER_HOLD:
        return settings->hold_s > 0;
    case OFFER_DELIVER_BY:
        return settings->deliver_by;
    case OFFER_PRIORITIES:
        return settings->priorities;
    case OFFER_AUTH:
        return settings->passwords != NULL;
    case OFFER_SENDMAIL:
        return settings->sendmail;
    case OFFER_ALWAYS:
    default:
        return true;
    }
}

static const struct {
    const char *key;
    SmtpFault (*take)(SmtpMail *mail, char *value);
    Offer offer;
} mail_params[] = {
    { "SIZE", param_size, OFFER_ALWAYS },
    { "BODY", param_body, OFFER_ALWAYS },
    { "SMTPUTF8", param_smtputf8, OFFER_ALWAYS },
    { "RET", param_ret, OFFER_ALWAYS },
    { "ENVID", param_envid, OFFER_ALWAYS },
    { "HOLDFOR", param_holdfor, OFFER_HOLD },
    { "HOLDUNTIL", param_holduntil, OFFER_HOLD },
    { "BY", param_by, OFFER_DELIVER_BY },
    { "MT-PRIORITY", param_priority, OFFER_PRIORITIES },
    { "AUTH", param_auth, OFFER_AUTH },
    { "XSUBMIT", param_xsubmit, OFFER_SENDMAIL },
    { "XHEADERS", param_xheaders, OFFER_SENDMAIL },
    { "XGATEWAY", param_xgateway, OFFER_SENDMAIL },
    { "XNAME", param_xname, OFFER_SENDMAIL },
    { "XDELIVERY", param_xdelivery, OFFER_SENDMAIL },
    { "XHOPS", param_xhops, OFFER_SENDMAIL },
    { "XNOALIAS", param_xnoalias, OFFER_SENDMAIL },
    { "XNOTIFY", param_xnotify, OFFER_SENDMAIL },
    { "XTAG", param_xtag, OFFER_SENDMAIL },
    { "XVIA", param_xvia, OFFER_SENDMAIL },
    { "XERRORS", param_xerrors, OFFER_SENDMAIL },
    { "XACCOUNT", param_xaccount, OFFER_SENDMAIL },
};

static SmtpFault
take_mail_param(const SmtpSettings *settings, SmtpMail *mail, const SyntaxParam *param)
{
    for (guint i = 0; i < G_N_ELEMENTS(mail_params); i++)
        if (g_ascii_strcasecmp(param->key, mail_params[i].key) == 0 &&
            is_offered(settings, mail_params[i].offer))
            return mail_params[i].take(mail, param->value);
    return unknown_parameter;
}

static SmtpFault
take_rcpt_param(SmtpRcpt *rcpt, const SyntaxParam *param)
{
    if (g_ascii_strcasecmp(param->key, "NOTIFY") == 0) {
        if (rcpt->notify || !param->value || !syntax_notify(param->value))
            return bad_parameter;
        rcpt->notify = param->value;
        return no_fault;
    }
    if (g_ascii_strcasecmp(param->key, "ORCPT") == 0) {
        if (rcpt->orcpt || !param->value || !syntax_orcpt(param->value))
            return bad_parameter;
        rcpt->orcpt = param->value;
        return no_fault;
    }
    return unknown_parameter;
}

static SmtpFault
judge_address(const char *address, bool smtputf8, const char *dsn)
{
    switch (address_check(address)) {
    case ADDRESS_OK:
        return no_fault;
    case ADDRESS_NOT_ASCII:
        return smtputf8 ? no_fault : (SmtpFault){ 553, "5.6.7", "Address needs SMTPUTF8" };
    case ADDRESS_TOO_LONG:
        return (SmtpFault){ 501, dsn, "Address too long" };
    case ADDRESS_BAD:
    default:
        return (SmtpFault){ 501, dsn, "Bad address" };
    }
}

/* Moves *args behind prefix and takes the path there. */
static SmtpFault
take_path(char **args, const char *prefix, const char *dsn, const char *syntax, char **path)
{
    size_t n = strlen(prefix);

    if (g_ascii_strncasecmp(*args, prefix, n) != 0 || (*args)[n + strspn(*args + n, " ")] == '\0')
        return (SmtpFault){ 501, "5.5.4", syntax };
    *args += n;
    *path = syntax_path(args);
    return *path ? no_fault : (SmtpFault){ 501, dsn, "Bad address" };
}

SmtpFault
params_mail(const SmtpSettings *settings, bool esmtp, char *args, SmtpMail *mail)
{
    char *path = NULL;
    SyntaxParam param;
    SyntaxNext next;
    SmtpFault fault = take_path(&args, "FROM:", "5.1.7", "Syntax: MAIL FROM:<address>", &path);

    while (!fault.code && (next = syntax_param(&args, &param)) != SYNTAX_PARAM_END)
        fault = next == SYNTAX_PARAM_BAD ? bad_parameter
                : !esmtp                 ? unknown_parameter
                                         : take_mail_param(settings, mail, &param);
    if (!fault.code && *path)
        fault = judge_address(path, mail->smtputf8, "5.1.7");
    if (!fault.code && mail->hold_until_ms > clock_now() + (gint64)settings->hold_s * 1000)
        fault = (SmtpFault){ 501, "5.5.4", "Release time is too far away" };
    if (!fault.code && mail->by_return && mail->by_ms < clock_now() + settings->by_least_s * G_GINT64_CONSTANT(1000) - 999)
        fault = (SmtpFault){ 501, "5.5.4", "By-time is below the minimum" };
    if (!fault.code && settings->max_bytes && mail->size > settings->max_bytes)
        fault = (SmtpFault){ 552, "5.3.4", "Message too big" };
    mail->sender = path;
    return fault;
}

SmtpFault
params_rcpt(bool esmtp, bool smtputf8, char *args, SmtpRcpt *rcpt)
{
    char *path = NULL;
    SyntaxParam param;
    SyntaxNext next;
    SmtpFault fault = take_path(&args, "TO:", "5.1.3", "Syntax: RCPT TO:<address>", &path);

    while (!fault.code && (next = syntax_param(&args, &param)) != SYNTAX_PARAM_END)
        fault = next == SYNTAX_PARAM_BAD ? bad_parameter
                : !esmtp                 ? unknown_parameter
                                         : take_rcpt_param(rcpt, &param);
    if (!fault.code)
        fault = judge_address(path, smtputf8, "5.1.3");
    rcpt->address = path;
    return fault;
}

/* --- the verbs of XSENDMAIL ---------------------------------------------------------------------- */

static const SmtpFault bad_question = { 501, "5.5.4", "Bad arguments" };

/* What each question may and must be told. */
static const struct {
    const char *verb, *word;
    SmtpAsk what;
    bool address; /* begins with one, which it must */
    const char *keys[4];
} question_rows[] = {
    { "XQUEUE", "LIST", SMTP_ASK_LIST, false, { "AFTER" } },
    { "XQUEUE", "COUNT", SMTP_ASK_COUNT, false, { NULL } },
    { "XQUEUE", "RUN", SMTP_ASK_RUN, false, { "ID", "TO", "FROM" } },
    { "XTEST", "VERIFY", SMTP_ASK_VERIFY, true, { "FROM" } },
    { "XTEST", "ROUTE", SMTP_ASK_ROUTE, true, { "FROM" } },
    { "XALIASES", "", SMTP_ASK_ALIASES, false, { NULL } },
};

static SmtpFault
take_question_param(SmtpQuestion *question, const char *const keys[], const SyntaxParam *param)
{
    guint i = 0;

    while (keys[i] && g_ascii_strcasecmp(param->key, keys[i]) != 0)
        i++;
    if (!keys[i] || !param->value || !syntax_xtext(param->value))
        return bad_question;
    if (g_str_equal(keys[i], "TO"))
        question->address = param->value;
    else if (g_str_equal(keys[i], "FROM"))
        question->sender = param->value;
    else if (strlen(param->value) <= MAX_ID_BYTES)
        question->id = param->value;
    else
        return bad_question;
    return no_fault;
}

SmtpFault
params_question(const char *verb, char *args, SmtpQuestion *question)
{
    char *rest = args + strcspn(args, " ");
    guint i = 0;
    SyntaxParam param;
    SyntaxNext next;
    SmtpFault fault = no_fault;

    if (*rest)
        *rest++ = '\0';
    while (i < G_N_ELEMENTS(question_rows) && (g_ascii_strcasecmp(verb, question_rows[i].verb) != 0 ||
                                               g_ascii_strcasecmp(args, question_rows[i].word) != 0))
        i++;
    if (i == G_N_ELEMENTS(question_rows))
        return bad_question;
    question->what = question_rows[i].what;
    if (question_rows[i].address) {
        question->address = syntax_path(&rest);
        fault = question->address ? judge_address(question->address, true, "5.1.3")
                                  : (SmtpFault){ 501, "5.1.3", "Bad address" };
    }
    while (!fault.code && (next = syntax_param(&rest, &param)) != SYNTAX_PARAM_END)
        fault = next == SYNTAX_PARAM_BAD ? bad_question
                                         : take_question_param(question, question_rows[i].keys, &param);
    return fault;
}
