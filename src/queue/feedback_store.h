/* What became of mails that an API has taken: those whose recipients' fate is still awaited, and the addresses that get
 * no mail any more (queue/suppression.h). A file of its own, feedback.db. Blocking calls; one thread at a time. Errors
 * are StoreErrors. Addresses compare by address_key(); ids without angle brackets.
 *
 * Everything that writes happens between feedback_store_begin() and feedback_store_commit(). */
#pragma once

#include "queue/store.h"

typedef struct FeedbackStore FeedbackStore;

/* Makes folder/feedback.db if it is not there; the folder is. Upgrades an old one. */
FeedbackStore *feedback_store_open(const char *folder, GError **error);

/* To look only, and not to wait for others. NULL without error: there is none. */
FeedbackStore *feedback_store_open_read(const char *folder, GError **error);
void feedback_store_close(FeedbackStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedbackStore, feedback_store_close)

/* Fails with CORRUPT where the file was removed or replaced while in use: close it then. */
bool feedback_store_begin(FeedbackStore *self, GError **error);
bool feedback_store_commit(FeedbackStore *self, GError **error); /* false: all is undone */
void feedback_store_undo(FeedbackStore *self);

/* A part of a mail that went in one call. Strings are borrowed; NULL: not known. */
typedef struct {
    const char *account, *id; /* id: of the queue */
    const char *remote_id, *message_id, *call;
    const char *request;  /* what the API knows the call by, where that is not its key */
    const char *sender;   /* of the envelope; "" is the null sender */
    const char *from;     /* the address in the header */
    const char *ret, *envid, *listener, *user;
    const char *header;   /* what a notice repeats of it */
    gint64 arrived_ms, delivered_ms;
    gint64 row;           /* the store's, where it was read */
} FeedbackMail;

typedef enum {
    FEEDBACK_OPEN,
    FEEDBACK_DELIVERED,
    FEEDBACK_FAILED,
    FEEDBACK_UNSUBSCRIBED,
} FeedbackState;

typedef struct {
    const char *address, *orcpt, *notify;
    FeedbackState state;
    const char *dsn, *reason; /* of one who failed */
    gint64 failed_ms;
} FeedbackRecipient;

/* One more recipient of a mail that is to be watched, asked about from next_ms on. Nothing changes if he is known. */
bool feedback_store_watch(FeedbackStore *self, const FeedbackMail *mail, const FeedbackRecipient *recipient,
                          gint64 next_ms, GError **error);

/* What an API names a mail by; NULL or "": not by that. */
typedef struct {
    const char *account, *address;
    const char *remote_id, *message_id, *request, *call;
} FeedbackMatch;

/* Copies of a mail and of one of its recipients. */
typedef struct {
    FeedbackMail mail;
    FeedbackRecipient recipient;
    GStringChunk *strings;
} FeedbackFound;
void feedback_found_free(FeedbackFound *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedbackFound, feedback_found_free)

/* NULL without error: no such mail is watched. */
FeedbackFound *feedback_store_find(FeedbackStore *self, const FeedbackMatch *match, GError **error);

/* What a recipient has come to; owed: his sender is to be told. */
bool feedback_store_settle(FeedbackStore *self, gint64 row, const FeedbackRecipient *recipient, bool owed,
                           GError **error);

/* --- asking */

typedef void (*FeedbackVisit)(const FeedbackMail *mail, void *user);

/* The oldest of an account's open mails that are due, at most max: remote_id, request and delivered_ms of them. */
bool feedback_store_due(FeedbackStore *self, const char *account, gint64 now_ms, guint max, FeedbackVisit visit,
                        void *user, GError **error);
/* When the first is due; G_MAXINT64: none. */
bool feedback_store_next_due(FeedbackStore *self, const char *account, gint64 *due_ms, GError **error);

/* Those that were due at now_ms and were delivered in [since, until] have been asked about; they are again after the
 * next of the intervals (0 behind the last one, which repeats). */
typedef struct {
    const char *account;
    gint64 now_ms, since_ms, until_ms;
    const gint64 *intervals_ms;
} FeedbackAsked;
bool feedback_store_asked(FeedbackStore *self, const FeedbackAsked *asked, GError **error);

/* Forgets senders that were not seen since, with what was asked about them, and the figures of days long past. */
bool feedback_store_prune_senders(FeedbackStore *self, gint64 since_ms, gint64 now_ms, GError **error);

/* --- the rest */

/* How far something has come; 0: nowhere yet. */
bool feedback_store_cursor(FeedbackStore *self, const char *account, const char *what, gint64 *value, GError **error);
bool feedback_store_set_cursor(FeedbackStore *self, const char *account, const char *what, gint64 value,
                               GError **error);

/* Addresses that the account's mails came From, since that time. */
bool feedback_store_senders(FeedbackStore *self, const char *account, gint64 since_ms,
                            void (*visit)(const char *address, void *user), void *user, GError **error);

/* Mails of a sender's domain on the day that one went out, and how many of them have failed, whenever. */
typedef struct {
    gint64 sent, failed;
    bool told; /* that there are too many */
} FeedbackRate;
bool feedback_store_rate(FeedbackStore *self, const FeedbackMail *mail, FeedbackRate *rate, GError **error);
bool feedback_store_rate_told(FeedbackStore *self, const FeedbackMail *mail, GError **error);
