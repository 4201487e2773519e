/* What follows from an event: pure. Any thread. */
#pragma once

#include "provider/feedback_conf.h"
#include "query/row.h"
#include "queue/suppression.h"

typedef struct {
    FeedbackState state; /* the recipient's from now on; FEEDBACK_OPEN: as it was */
    bool owed;           /* the sender gets a notice */
    bool suppress;
    bool early;          /* speaks of mail that may be ours, on its way still: to be judged again once it is watched */
    SuppressionKind kind;
    char dsn[12];        /* of a failure (RFC 3463) */
} FeedbackDecision;

/* found NULL: no mail of ours that is watched, so that at most the address is suppressed. What was decided before stays:
 * the same event again changes no state. It suppresses again, as of the first time (suppression_add): an API may tell
 * that a mail failed before it tells why. */
FeedbackDecision feedback_decide(const QueryEvent *event, const FeedbackFound *found, const FeedbackConf *conf);

/* The enhanced status in a text; false: there is none. */
bool feedback_find_dsn(const char *text, char dsn[12]);
