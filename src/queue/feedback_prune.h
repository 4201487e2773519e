/* Mails whose fate nobody waits for any more. Of a FeedbackStore, within its groups. */
#pragma once

#include "queue/feedback_store.h"

/* Forgets mails that were delivered before a time that is each account's, unless a notice is owed; at most max. */
typedef struct {
    gint64 (*before_ms)(const char *account, void *user);
    void *user;
    guint max;
    guint n; /* how many there were */
} FeedbackPrune;
bool feedback_store_prune(FeedbackStore *self, FeedbackPrune *prune, GError **error);
