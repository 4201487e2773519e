/* LMTP (RFC 2033): what becomes of each recipient where the client hears of each name that he gave, and what he hears. A
 * name may stand for several (aliases), and several names for the same one. Pure. */
#pragma once

#include "mail/reply.h"
#include "queue/entry.h"

typedef enum {
    EACH_KEEPS_NOTHING, /* there is no store */
    EACH_KEEPS_UNKNOWN, /* and what belongs to a name of which something is taken */
    EACH_KEEPS_ALL,     /* what failed for the moment, too */
} EachKeeps;

typedef enum {
    EACH_DELIVERED,
    EACH_KEPT,    /* in the queue */
    EACH_FAILED,  /* the sender has to be told: the name was accepted, as others have got the mail for it */
    EACH_DROPPED, /* the reply says so: refused, or the client's to try again */
} EachFate;

/* Of EachFate, parallel to the entry's outcomes, for an entry with Envelope.asked that was not stored. Caller unrefs. */
GArray *each_fates(const Entry *entry, EachKeeps keeps);

typedef struct {
    Reply reply;
    bool promises; /* more than an API has done */
} EachReply;

/* Of EachReply, one for each name; caller unrefs. A name is accepted if somebody got the mail for it, or will. all is set
 * to what holds for all of them: 250 where each has that, a refusal where none has. */
GArray *each_replies(const Entry *entry, const GArray *fates, Reply *all);
