/* What follows MAIL, RCPT and the verbs of XSENDMAIL, parsed and judged against what is offered. The verbs are
 * the user. Pure; any thread. */
#pragma once

#include "smtp/session.h"

/* What is wrong with a command; code is 0 for nothing. */
typedef struct {
    int code;
    const char *dsn;
    const char *text;
} SmtpFault;

/* Both point *mail or *rcpt into args, which is changed. esmtp: EHLO was said, parameters are allowed. */
SmtpFault params_mail(const SmtpSettings *settings, bool esmtp, char *args, SmtpMail *mail);
SmtpFault params_rcpt(bool esmtp, bool smtputf8, char *args, SmtpRcpt *rcpt);

/* XQUEUE, XTEST or XALIASES. question points into args likewise. */
SmtpFault params_question(const char *verb, char *args, SmtpQuestion *question);
