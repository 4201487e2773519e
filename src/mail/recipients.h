/* Envelope against header: who is visible, who is hidden. Pure. */
#pragma once

#include "mail/mail.h"

/* Envelope recipients by place; addresses as the envelope has them, names from the header.
 * Each recipient stands in exactly one list, To before Cc. */
typedef struct {
    GPtrArray *to, *cc, *hidden; /* of Mailbox, in header (hidden: envelope) order */
    bool to_complete, cc_complete; /* every header addressee is in the envelope */
} Recipients;

/* open: the EnvelopeRecipients still to be served (a subset on a retry). */
Recipients *recipients_classify(GPtrArray *open, const Mail *mail);
void recipients_free(Recipients *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recipients, recipients_free)
