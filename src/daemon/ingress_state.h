/* An ingress's inside, shared by ingress.c (a mail's way in), ingress_who.c (who brings it)
 * and ingress_rate.c (how often); for nobody else. */
#pragma once

#include "daemon/enquiry.h"
#include "daemon/figures.h"
#include "daemon/flush.h"
#include "daemon/ingress.h"
#include "daemon/line_ends.h"
#include "daemon/origin.h"

typedef enum { RATED_CLIENT, RATED_USER, RATED_SOURCES } RatedSource;

/* What a transaction has counted. */
typedef struct {
    RateSource sources[RATED_SOURCES];
    const RateLimits *limits[RATED_SOURCES]; /* NULL: nothing is counted for that one */
    int counted[RATED_KINDS];
    bool stays; /* the mail is on its way, or was answered for good */
    Reply reply;
    char text[120];
} Rated;

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
    Rated rated;
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

/* Rates (ingress_rate.c): at MAIL and RCPT, once nothing else stands against it. NULL: it may be, and counts. Else what
 * to answer; valid until the next call. */
const Reply *ingress_rate_mail(Ingress *self);
const Reply *ingress_rate_rcpt(Ingress *self);

/* The mail has its answer, or one for each recipient: what is only put off will come again and be counted then. */
void ingress_rate_answered(Ingress *self, const Reply *replies, guint n);

/* The transaction is over. */
void ingress_rate_end(Ingress *self);
