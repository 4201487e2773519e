/* A question to an account's API: what is wanted, by task and not by vendor, and of what. Data only. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The calls, by what people want; named by query_task_name(). */
typedef enum {
    QUERY_STATUS,         /* of deliveries: by ids, request ids or period */
    QUERY_RESULTS,        /* per address: by ids or period */
    QUERY_BOUNCES,        /* addresses that failed, in a period */
    QUERY_CANCEL,         /* deliveries not begun, by ids */
    QUERY_FILTER_SHOW,    /* the API's own suppression of addresses */
    QUERY_FILTER_SET,     /* addresses to count */
    QUERY_DOMAIN_LIST,    /* all, or domain */
    QUERY_DOMAIN_ADD,
    QUERY_DOMAIN_UPDATE,
    QUERY_DOMAIN_REMOVE,
    QUERY_PLAN,
    QUERY_USAGE,          /* of the month that since_ms lies in */
    QUERY_UNSUB_LIST,     /* of a sender, over a period */
    QUERY_UNSUB_OWN_LIST, /* the same where the mails had the sender's own URL */
    QUERY_UNSUB_ENABLE,   /* of a sender; can't be undone */
    QUERY_UNSUB_LIFT,     /* addresses get mail of the sender again */
    QUERY_HISTORY_SEARCH,
    QUERY_HISTORY_SHOW,   /* one id */
    QUERY_HISTORY_EXPORT, /* addresses of one id: delivered, or failed */
    QUERY_HISTORY_OPENS,  /* of one id */
    QUERY_HISTORY_DELETE, /* ids; can't be undone */
    QUERY_DIRECT,         /* a call of the user's own */
    QUERY_TASKS,
} QueryTask;

/* A call in the user's own words. */
typedef struct {
    const char *method; /* a literal: GET, POST, PUT or DELETE */
    const char *path;
    const char *const *pairs; /* "name=value"; or NULL */
    const char *body;   /* or NULL */
} QueryDirect;

/* A question. Lists are NULL or end with NULL; nothing in it is the query's. */
typedef struct {
    QueryTask task;
    const char *const *ids;         /* of deliveries or messages */
    const char *const *request_ids;
    const char *const *addresses;   /* of recipients */
    const char *sender;             /* header From */
    const char *tag;                /* X-Api-Data */
    const char *status;             /* the API's word */
    const char *const *subjects;
    const char *const *groups;
    gint64 since_ms, until_ms;      /* [since, until), since the epoch; until 0: no period */
    bool failed;                    /* HISTORY_EXPORT: those that failed, not those that have it */
    guint count;                    /* FILTER_SET */
    const char *domain, *selector;
    guint key_bits;
    const char *start_date;         /* yyyy-mm-dd */
    int is_default, enabled;        /* 0: not said, 1: yes, -1: no */
    const QueryDirect *direct;      /* DIRECT */
} Query;

/* What a question must or may say. */
enum {
    QUERY_HAS_IDS = 1 << 0,
    QUERY_HAS_REQUEST_IDS = 1 << 1,
    QUERY_HAS_ADDRESSES = 1 << 2,
    QUERY_HAS_SENDER = 1 << 3,
    QUERY_HAS_PERIOD = 1 << 4,
    QUERY_HAS_DOMAIN = 1 << 5,
    QUERY_HAS_SELECTOR = 1 << 6,
    QUERY_HAS_SETTING = 1 << 7, /* start_date, is_default or enabled */
};

/* "status", "results", …: literals. */
const char *query_task_name(QueryTask task);
