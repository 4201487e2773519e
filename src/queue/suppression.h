/* Addresses that an account sends no mail to: rows of feedback.db. An address that was taken off the list stays off for
 * what was reported before that. Blocking calls; the thread of the FeedbackStore. */
#pragma once

#include "queue/feedback_store.h"

typedef enum {
    SUPPRESSION_HARD,        /* mail came back: there is no such mailbox */
    SUPPRESSION_UNSUBSCRIBED,
    SUPPRESSION_MANUAL,      /* by the operator */
    SUPPRESSION_KINDS,
} SuppressionKind;

typedef struct {
    const char *account, *address;
    const char *sender; /* only of his mails; "": of anybody's */
    SuppressionKind kind;
    const char *source; /* who said so: "results", "webhook", "operator", … */
    const char *reason; /* one line, or NULL */
    gint64 since_ms;
    gint64 expires_ms;  /* 0: never */
} Suppression;

/* "hard", "unsubscribed", "manual"; a literal. */
const char *suppression_kind_name(SuppressionKind kind);

/* Adds it unless the address is there already, or was taken off later than since_ms. What the operator says replaces
 * what is there; that one has unsubscribed, which is for good, replaces that mail came back, which expires. added may be
 * NULL. */
bool suppression_add(FeedbackStore *self, const Suppression *one, bool *added, GError **error);

/* Takes an address off, of every sender; account NULL: of all accounts. How many. */
bool suppression_remove(FeedbackStore *self, const char *account, const char *address, gint64 now_ms, guint *n,
                        GError **error);

typedef void (*SuppressionVisit)(const Suppression *one, void *user);

/* The one that keeps sender's mail from an address at now_ms: found, and visited, or not. what.sender NULL: one that
 * keeps anybody's. */
bool suppression_find(FeedbackStore *self, const Suppression *what, gint64 now_ms, SuppressionVisit visit, void *user,
                      GError **error);

typedef struct {
    const char *account; /* NULL: all */
    const char *address; /* exactly; NULL: all */
    const char *after_account, *after_address, *after_sender; /* from behind that one on; NULL: from the start */
    guint max;
    gint64 now_ms;
} SuppressionPage;

/* In the order of account, address and sender. */
bool suppression_each(FeedbackStore *self, const SuppressionPage *page, SuppressionVisit visit, void *user,
                      GError **error);

/* How many there are at now_ms, by kind and source; some hundred at most, the rest is left out. */
typedef void (*SuppressionCount)(SuppressionKind kind, const char *source, gint64 n, void *user);
bool suppression_count(FeedbackStore *self, gint64 now_ms, SuppressionCount visit, void *user, GError **error);

/* Forgets those that have expired, and what was taken off before; at most max. */
bool suppression_prune(FeedbackStore *self, gint64 now_ms, guint max, GError **error);
