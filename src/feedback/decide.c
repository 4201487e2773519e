#include "feedback/decide.h"

#include "mail/dsn.h"

#include <string.h>

/* Customers Mail Cloud's classes of bounces (customers-mail-cloud.md, section 7): what its text does not say itself. */
static const struct {
    const char *code, *dsn;
    bool hard;
} classes[] = {
    { "1", "5.1.2", true },  { "2", "5.1.1", true },  { "3", "5.4.7", false }, { "4", "5.7.1", false },
    { "5", "5.2.2", false }, { "6", "5.4.6", false }, { "7", "5.3.5", false }, { "8", "5.3.4", false },
    { "9", "5.1.3", true },  { "10", "5.1.1", true }, { "11", "5.7.1", false },
};

/* Where a text has no status: that there is no such mailbox. */
static const char *const gone_words[] = {
    "user unknown", "unknown user", "no such", "does not exist", "doesn't exist", "not exist", "not found",
    "invalid recipient", "invalid address", "host unknown", "unknown host", "recipient unknown", "unknown recipient",
    "mailbox unavailable", "no mailbox", "disabled",
};

bool
feedback_find_dsn(const char *text, char dsn[12])
{
    static const char digits[] = "0123456789";

    for (const char *p = text; p && *p; p++) {
        bool begins = p == text || (!g_ascii_isalnum(p[-1]) && p[-1] != '.');
        if (!begins || !strchr("45", *p) || p[1] != '.')
            continue;
        gsize subject = strspn(p + 2, digits);
        const char *dot = p + 2 + subject;
        gsize detail = *dot == '.' ? strspn(dot + 1, digits) : 0;
        const char *end = dot + 1 + detail;
        bool ends = detail > 0 && !g_ascii_isalnum(*end) && !(*end == '.' && g_ascii_isdigit(end[1]));
        if (subject >= 1 && subject <= 3 && detail <= 3 && ends) {
            g_strlcpy(dsn, p, MIN((gsize) (end - p) + 1, 12));
            return true;
        }
    }
    return false;
}

static gsize
class_of(const QueryEvent *event)
{
    gsize i = 0;

    while (i < G_N_ELEMENTS(classes) && g_strcmp0(event->code, classes[i].code) != 0)
        i++;
    return i;
}

/* A mailbox or host that is not there (X.1.X), or no longer used (X.2.1): not one that is full, nor a policy. A failure
 * that the API takes for one of this mail alone can still say so by its status. */
static bool
is_gone(const QueryEvent *event)
{
    char dsn[12];
    gsize class = class_of(event);

    if (event->kind != QUERY_EVENT_BOUNCED && event->kind != QUERY_EVENT_SOFT)
        return false;
    if (class < G_N_ELEMENTS(classes))
        return classes[class].hard;
    if (feedback_find_dsn(event->reason, dsn))
        return dsn[0] == '5' && (g_str_has_prefix(dsn + 2, "1.") || strcmp(dsn, "5.2.1") == 0) &&
               strcmp(dsn, "5.1.7") != 0 && strcmp(dsn, "5.1.8") != 0; /* those speak of the sender */
    if (event->kind == QUERY_EVENT_SOFT)
        return false;
    g_autofree char *small = g_ascii_strdown(event->reason ? event->reason : "", -1);
    for (guint i = 0; i < G_N_ELEMENTS(gone_words); i++) {
        if (strstr(small, gone_words[i]))
            return true;
    }
    return false;
}

static void
choose_dsn(const QueryEvent *event, FeedbackDecision *decision)
{
    gsize class = class_of(event);

    if (!feedback_find_dsn(event->reason, decision->dsn))
        g_strlcpy(decision->dsn, class < G_N_ELEMENTS(classes) ? classes[class].dsn : is_gone(event) ? "5.1.1" : "5.0.0",
                  sizeof decision->dsn);
}

/* Of one who unsubscribed the mail has come back only where a bounce says so. */
static FeedbackState
state_of(const QueryEvent *event)
{
    switch (event->kind) {
    case QUERY_EVENT_DELIVERED:
        return FEEDBACK_DELIVERED;
    case QUERY_EVENT_SOFT:
    case QUERY_EVENT_BOUNCED:
        return FEEDBACK_FAILED;
    case QUERY_EVENT_UNSUBSCRIBED:
        return g_strcmp0(event->code, "11") == 0 ? FEEDBACK_FAILED : FEEDBACK_OPEN;
    case QUERY_EVENT_NONE:
    case QUERY_EVENT_PENDING:
        break;
    }
    return FEEDBACK_OPEN;
}

/* A server may take a mail and return it later, not the other way. */
static bool
is_news(FeedbackState before, FeedbackState after)
{
    return after != FEEDBACK_OPEN && (before == FEEDBACK_OPEN || (before == FEEDBACK_DELIVERED && after == FEEDBACK_FAILED));
}

FeedbackDecision
feedback_decide(const QueryEvent *event, const FeedbackFound *found, const FeedbackConf *conf)
{
    FeedbackDecision decision = { .state = FEEDBACK_OPEN };
    FeedbackState state = state_of(event);

    if (!conf->on)
        return decision;
    decision.early = !found && state == FEEDBACK_FAILED;
    if (found && is_news(found->recipient.state, state))
        decision.state = state;
    if (decision.state == FEEDBACK_FAILED) {
        choose_dsn(event, &decision);
        decision.owed = *found->mail.sender && dsn_is_wanted(DSN_FAILED, found->recipient.notify);
    }
    decision.kind = event->kind == QUERY_EVENT_UNSUBSCRIBED ? SUPPRESSION_UNSUBSCRIBED : SUPPRESSION_HARD;
    decision.suppress = conf->suppression && (event->kind == QUERY_EVENT_UNSUBSCRIBED || is_gone(event)) &&
                        !feedback_conf_is_exempt(conf, event->address);
    return decision;
}
