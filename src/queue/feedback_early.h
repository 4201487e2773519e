/* Events that speak of a mail before it is watched: an API may tell what became of it sooner than its answer is here.
 * Kept in feedback.db, as many as are of use; of a FeedbackStore, within its groups. */
#pragma once

#include "queue/feedback_store.h"

typedef struct {
    FeedbackMatch match;
    int kind;                  /* the caller's */
    const char *sender, *source, *code, *reason;
    gint64 when_ms;
} FeedbackEarly;

/* One that names no mail is let go; one that is there is not kept twice. */
bool feedback_early_keep(FeedbackStore *self, const FeedbackEarly *early, gint64 now_ms, GError **error);

/* Visits those that are about this recipient of the mail, as feedback_store_find() would find him, and forgets them. The
 * visitor must not use the store. */
typedef void (*FeedbackEarlyVisit)(const FeedbackEarly *early, void *user);
bool feedback_early_take(FeedbackStore *self, const FeedbackMail *mail, const char *address, FeedbackEarlyVisit visit,
                         void *user, GError **error);

/* Forgets what has waited for more than a day, and the oldest of too many. */
bool feedback_early_prune(FeedbackStore *self, gint64 now_ms, GError **error);
