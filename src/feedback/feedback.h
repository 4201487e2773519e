/* What an API tells of mails after it has taken them: bounces, results, unsubscribes. Whoever hears of it (the poller,
 * the webhook) hands it over by feedback_events(); what follows is stored in one transaction before done() comes: the
 * recipient's fate, the suppression of his address, the notice to the sender that is owed. Loop thread. */
#pragma once

#include "query/row.h"
#include "relay/journal.h"
#include "relay/runner.h"

#include <uv.h>

typedef struct Feedback Feedback;

/* Events of one account. source says who brings them, for the list of suppressions: "webhook", "results". */
typedef struct FeedbackEvents FeedbackEvents;

FeedbackEvents *feedback_events_new(const char *account, const char *source);
void feedback_events_free(FeedbackEvents *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedbackEvents, feedback_events_free)

/* Copies it; texts are cut to what is of use. One that names no address is left out: a batch of those that were is a line
 * of the log. Any thread. */
void feedback_events_add(FeedbackEvents *self, const QueryEvent *event);
/* Nobody tells them again: what says that mail came back which is not known yet is kept until the mail is, for a day. */
void feedback_events_told_once(FeedbackEvents *self);
guint feedback_events_size(const FeedbackEvents *self);
guint feedback_events_odd(const FeedbackEvents *self); /* that were left out */

/* error NULL: all that follows is durable; the same events again change nothing. Else (a StoreError) nothing is. */
typedef void (*FeedbackDone)(void *user, const GError *error);

/* Takes events. done (NULL is fine) comes once, never before this has returned. An account that is not configured, or
 * has feedback off, does nothing with them, and that is no error. */
void feedback_events(Feedback *self, FeedbackEvents *events, FeedbackDone done, void *user);

typedef struct {
    uv_loop_t *loop;
    Relay *relay;
    Journal *journal;   /* NULL: nothing can be watched */
    const char *folder; /* of feedback.db */

    /* Whether the account's API tells of its mails by itself; asked often, may change. NULL: none does. */
    bool (*is_told)(const char *account, void *user);
    void *user;
} FeedbackHub;

/* hub is copied. Takes a reference to settings. */
Feedback *feedback_new(const FeedbackHub *hub, RelaySettings *settings);

/* Accounts are asked, and events judged, by these from now on. */
void feedback_reload(Feedback *self, RelaySettings *settings);

/* Nothing is asked any more, and nothing may be handed over; what was is written first. Memory is freed once the loop
 * has closed its handles. NULL is fine. */
void feedback_close(Feedback *self);
