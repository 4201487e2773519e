/* Notices that are owed to senders of mails that came back. Of a FeedbackStore, within its groups. */
#pragma once

#include "queue/feedback_store.h"

/* A mail whose sender is owed a notice, and up to max recipients that it speaks of; the notice's
 * id is kept with them, so that a crash does not make another one. */
typedef struct {
    FeedbackMail mail;
    char *id;              /* of the notice */
    GArray *recipients;    /* of FeedbackRecipient */
    GStringChunk *strings;
} FeedbackNotice;
void feedback_notice_free(FeedbackNotice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedbackNotice, feedback_notice_free)

enum { FEEDBACK_NOTICE_RECIPIENTS = 200 };

/* Which one: of that account, behind that row, and wanted. */
typedef struct {
    const char *account;
    gint64 after;
    bool (*wanted)(const FeedbackMail *mail, void *user); /* NULL: any */
    void *user;
} FeedbackChoice;

/* NULL without error: there is none. Writes the id. */
FeedbackNotice *feedback_store_next_notice(FeedbackStore *self, const FeedbackChoice *choice, GError **error);

/* Accounts whose senders are owed notices, with the number of recipients that those are about. */
bool feedback_store_owed(FeedbackStore *self, void (*visit)(const char *account, gint64 n, void *user), void *user,
                         GError **error);

/* The notice has been handed over: nobody is owed it any more. */
bool feedback_store_told(FeedbackStore *self, const FeedbackNotice *notice, gint64 now_ms, GError **error);
