/* The inside of a Feedback, shared by its files: feedback.c (the whole), events.c, judge.c (what follows from them),
 * watch.c (from the journal into the store), tell.c (notices, by teller.c) and poll.c (questions). Private to them. Loop
 * thread, but for what is said of tasks. */
#pragma once

#include "base/pace.h"
#include "feedback/feedback.h"
#include "feedback/keeper.h"

struct FeedbackEvents {
    char *account, *source;
    GStringChunk *strings;
    GArray *rows; /* of QueryEvent, texts in strings */
    guint odd;    /* that named no address */
    bool told_once;
};

typedef struct FeedbackBatch FeedbackBatch;

typedef struct FeedbackPoll FeedbackPoll;

typedef struct FeedbackTeller FeedbackTeller;

struct Feedback {
    FeedbackHub hub;
    RelaySettings *settings;
    FeedbackKeeper *keeper;
    FeedbackPoll *poll;
    uv_timer_t timer;
    bool closing;
    guint tasks; /* on their way */
    gint64 prune_ms, prune_all_ms; /* monotonic: when to, next */

    /* watch.c */
    gint64 cursor;   /* row of the journal; -1: not read yet */
    guint64 watched; /* report_watched() as far as it is in the store */
    bool behind, moving;
    GQueue batches;  /* of events that wait for it */
    Pace odd, failures; /* log lines */

    /* tell.c */
    bool telling, tell_again;
    gint64 tell_after_ms; /* monotonic: then again; 0: nobody has to be told */
    gint64 surveyed_ms;   /* monotonic: when it was last looked who has to be */
    GHashTable *tellers;  /* account -> FeedbackTeller */
};

/* A task has begun, or ended; the last one frees what is closing. */
void feedback_hold(Feedback *self);
void feedback_release(Feedback *self);

/* A failure of the store in the log, which is the same for whatever is tried meanwhile: one line a minute. account: whose
 * it is, or NULL. */
void feedback_complain(Feedback *self, const char *account, const GError *error);

/* judge.c: the batches that wait are judged; with an error they fail by it: what they are about may not be known yet. */
void feedback_judge(Feedback *self, const GError *error);

/* judge.c: events, which it takes, that have been counted before, by settings, which must live until the end. Any thread;
 * what follows from them, in a task of the keeper; what is said of that, on the loop, and frees it. */
FeedbackBatch *batch_new(Feedback *feedback, RelaySettings *settings, FeedbackEvents *events);
bool batch_run(FeedbackStore *store, FeedbackBatch *self, GError **error);
void batch_end(FeedbackBatch *self, const GError *error);

/* watch.c: what the journal has got since the last time goes into the store; then batches are judged. */
void feedback_move(Feedback *self);

/* tell.c: whoever is owed a notice gets it. */
void feedback_tell(Feedback *self);

/* By other settings: all that is owed is tried at once. */
void feedback_tell_reload(Feedback *self);

/* No target is waited for any longer; what it may have got already stays owed. */
void feedback_tell_stop(Feedback *self);

/* Then again (monotonic), or before. */
void feedback_tell_at(Feedback *self, gint64 at_ms);

/* poll.c */
FeedbackPoll *poll_new(Feedback *feedback);
void poll_close(FeedbackPoll *self);
