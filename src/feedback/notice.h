/* A bounce of a mail that an API had taken: as an entry of the queue, or as bytes for somebody else. Any thread. */
#pragma once

#include "queue/entry.h"
#include "queue/feedback_notice.h"
#include "relay/settings.h"

/* From the null sender to the mail's own, or to `to` if that is not NULL; its id is the notice's. Header only: the body
 * is not kept. NULL without error: nobody is left to be told. */
Entry *notice_entry(const RelaySettings *settings, const FeedbackNotice *notice, const char *to, GError **error);

/* What it says, whole. Caller frees. */
GString *notice_bytes(const Entry *entry, GError **error);
