#include "relay/verdict.h"

#include "mail/message.h"

static const struct {
    MailError error;
    OutcomeVerdict verdict;
    int code;
    const char *dsn;
} mail_errors[] = {
    { MAIL_ERROR_SYNTAX, OUTCOME_PERMANENT, 554, "5.6.0" },
    { MAIL_ERROR_LOOP, OUTCOME_PERMANENT, 554, "5.4.6" },
    { MAIL_ERROR_ENCRYPTED, OUTCOME_PERMANENT, 554, "5.6.1" },
    { MAIL_ERROR_NO_SENDER, OUTCOME_PERMANENT, 554, "5.6.0" },
    { MAIL_ERROR_NO_RECIPIENT, OUTCOME_PERMANENT, 554, "5.5.4" },
    { MAIL_ERROR_BAD_RECIPIENT, OUTCOME_PERMANENT, 553, "5.1.3" },
    { MAIL_ERROR_TOO_BIG, OUTCOME_PERMANENT, 552, "5.3.4" },
    { MAIL_ERROR_TOO_OLD, OUTCOME_PERMANENT, 554, "5.4.7" },
    { MAIL_ERROR_DENIED, OUTCOME_PERMANENT, 550, "5.7.1" },
    { MAIL_ERROR_READ, OUTCOME_TRANSIENT, 451, "4.3.0" },
};

void
verdict_untranslated(Outcome *outcome, const GError *error)
{
    guint last = G_N_ELEMENTS(mail_errors) - 1;
    guint i = 0;

    while (i < last && !g_error_matches(error, MAIL_ERROR, mail_errors[i].error))
        i++;
    outcome_set(outcome, mail_errors[i].verdict, mail_errors[i].code, mail_errors[i].dsn, error->message);
}

void
verdict_left(Outcome *outcome)
{
    outcome_set(outcome, OUTCOME_TRANSIENT, 451, "4.4.2", "The client left before the mail was sent");
}

void
verdict_cut_off(Outcome *outcome)
{
    outcome_set(outcome, OUTCOME_UNKNOWN, 451, "4.4.2", "The daemon ended during a try: the API may have taken it");
}
