/* An ingress's inside, shared by ingress.c (a mail's way in) and ingress_who.c (who brings it); for nobody else. */
#pragma once

#include "daemon/enquiry.h"
#include "daemon/figures.h"
#include "daemon/flush.h"
#include "daemon/ingress.h"
#include "daemon/line_ends.h"
#include "daemon/origin.h"

struct Ingress {
    const IngressHub *hub;
    Settings *settings; /* it began with */
    IngressClient client;
    const char *connected; /* client.client as the connection has it */
    const IngressOps *ops;
    void *user;
    SmtpSession *session;
    char *helo;
    Origin stands_for; /* XCLIENT: client.client may point in here */
    Origin forwards;   /* XFORWARD, until the mail is over */
    char *authenticated; /* who the client has shown to be, or NULL */
    char *claimed;       /* while that is judged */

    /* the transaction */
    Envelope *envelope;
    Spool *spool;
    Scan *scan;
    bool on_disk;   /* the spool has been flushed once */
    bool failed;    /* storage: what still comes is dropped */
    bool binary;    /* nothing in it is a line */
    LineEnds ends;  /* looked at where bare ones are refused */

    /* what it waits for */
    UserLookup *lookup;
    Work *flush;
    AuthCheck *check;
    Waiter waiter;
    MailFigure figure;
    Enquiry *enquiry;
    bool asking; /* the session is in its ask() */
};

void ingress_answer(Ingress *self, int code, const char *dsn, const char *text);

/* Of the handler. */
void ingress_on_auth(void *user, const SmtpAuth *what);
void ingress_on_starttls(void *user);
void ingress_on_xclient(void *user, const SmtpOrigin *said);
void ingress_on_xforward(void *user, const SmtpOrigin *said);
