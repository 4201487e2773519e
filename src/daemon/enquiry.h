/* What local programs ask over sendmail's socket besides sending mail: mailq's list, runs of the queue, tests of
 * addresses, newaliases. One question at a time for each session. Loop thread. */
#pragma once

#include "daemon/settings.h"
#include "relay/runner.h"

typedef struct Enquiry Enquiry;

/* Who asks, and where: borrowed during the call. */
typedef struct {
    uv_loop_t *loop;
    Settings *settings;
    Relay *relay;
    const char *listener, *user; /* user: NULL if not known */
} EnquiryWorld;

/* The reply is valid during the call. */
typedef void (*EnquiryDone)(const Reply *reply, void *user);

/* done comes once: later, or before this has returned, which is then NULL. question is copied. */
Enquiry *enquiry_start(const EnquiryWorld *world, const SmtpQuestion *question, EnquiryDone done, void *user);

/* done does not come any more. Clears the pointer; NULL inside is fine. */
void enquiry_cancel(Enquiry **enquiry);
