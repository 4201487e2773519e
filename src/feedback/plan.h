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

/* What decides whether an API is asked for a list. */
typedef struct {
    PlanKind kind;
    bool told;       /* the API tells of the account's mails by itself */
    gint64 asked_ms; /* 0: never yet */
    gint64 now_ms;
} PlanList;

/* At most once a day, as Customers Mail Cloud's rules want it (api/customers-mail-cloud, section 7); for bounces not at
 * all where it tells of them. Pure. */
bool plan_is_due(const PlanList *list);

/* How long an API is left alone after so many questions in a row that came to nothing, 1 or more. Pure. */
gint64 plan_rest_ms(PlanKind kind, guint failures);

typedef struct {
    const QueryAccount *account;
    const FeedbackConf *conf;
    PlanKind kind;
    bool told;
    gint64 now_ms;
    bool by_ids;    /* results are not asked for over a period */

    bool wanted;   /* there is something to ask: */
    Query query;   /* texts in strings */
    gint64 since_ms, until_ms; /* of the mails that are asked about; or what the list is known up to */
    bool cut;       /* the answer may have left out some: whose fate it has not told is asked again, by ids */
    guint mails;    /* that are asked about */
    char *cursor;
    gint64 asked_ms; /* when the list was asked for before this time */
    gint64 rest_ms;  /* how long one that was not given is left alone; 0: it was not asked for after all */
    GPtrArray *ids, *request_ids; /* end with NULL */
    GStringChunk *strings;
} Plan;

Plan *plan_new(const QueryAccount *account, const FeedbackConf *conf, PlanKind kind);
void plan_free(Plan *self);

/* Whether the account's API has such a call. */
bool plan_is_possible(const QueryAccount *account, PlanKind kind);

/* KeeperTask.run, of a Plan: what to ask; and that it has been answered. A list is marked as asked for with the first, so
 * that a restart in the midst does not ask again; the last makes it due again behind rest_ms. */
bool plan_run(FeedbackStore *store, void *user, GError **error);
bool plan_run_answered(FeedbackStore *store, void *user, GError **error);
bool plan_run_refused(FeedbackStore *store, void *user, GError **error);
