/* What an account's API is asked next, and that it was: tasks of the keeper, for poll.c. */
#pragma once

#include "queue/feedback_store.h"
#include "provider/feedback_conf.h"
#include "query/query.h"

enum { PLAN_SENDER_DAYS = 90 }; /* how long an address may unsubscribe from a sender that is not seen any more */

typedef enum {
    PLAN_RESULTS,      /* of mails that are due, by their ids or over a period */
    PLAN_BOUNCES,      /* the list of a day or more, once a day */
    PLAN_UNSUBSCRIBES, /* likewise */
    PLAN_KINDS,
} PlanKind;

typedef struct {
    const QueryAccount *account;
    const FeedbackConf *conf;
    PlanKind kind;
    gint64 now_ms;

    bool wanted;   /* there is something to ask: */
    Query query;   /* texts in strings */
    gint64 since_ms, until_ms; /* of the mails that are asked about; or what the list is known up to */
    char *cursor;
    GPtrArray *ids, *request_ids; /* end with NULL */
    GStringChunk *strings;
} Plan;

Plan *plan_new(const QueryAccount *account, const FeedbackConf *conf, PlanKind kind);
void plan_free(Plan *self);

/* Whether the account's API has such a call. */
bool plan_is_possible(const QueryAccount *account, PlanKind kind);

/* KeeperTask.run, of a Plan: what to ask; and that it has been answered. */
bool plan_run(FeedbackStore *store, void *user, GError **error);
bool plan_run_answered(FeedbackStore *store, void *user, GError **error);
