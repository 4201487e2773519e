/* What an account's API can be asked beside sending mail, by task and not by vendor: a Query becomes requests, one per
 * page, and their answers rows. Pure: who asks sends the requests itself (http/client.h). An account's section is the
 * one its mail goes through, or that of an API that only answers. Any thread.
 *
 *     QueryCursor cursor = { 0 };
 *     do {
 *         request = query_build(account, query, &cursor, token);   then http_send_stream(…, query_reader_push, …)
 *         ok = query_reader_finish(reader, response, &page, &error);
 *     } while (query_next(account, query, &cursor, &page)); */
#pragma once

#include "base/conf.h"
#include "base/secret.h"
#include "http/request.h"
#include "query/row.h"

#define QUERY_ERROR (g_quark_from_static_string("query"))

typedef enum {
    QUERY_ERROR_USAGE,     /* the question can't be put like that; nothing was asked */
    QUERY_ERROR_CANNOT,    /* the API has no such call */
    QUERY_ERROR_AUTH,      /* the API does not take the credentials, or the token: log in once more */
    QUERY_ERROR_LIMIT,     /* too many questions: HttpResponse.retry_after_ms may say how long to wait */
    QUERY_ERROR_NOT_FOUND, /* the API knows no such thing */
    QUERY_ERROR_REFUSED,   /* the API says why not */
    QUERY_ERROR_NONSENSE,  /* no answer of the API's: nothing follows from it, least of all that there is nothing */
    QUERY_ERROR_TEMPORARY, /* no answer, or that it can't at the moment */
} QueryError;

/* The calls, by what people want. Names are those of query_task_name(). */
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
    QUERY_TASKS,
} QueryTask;

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

typedef struct QueryDriver QueryDriver;

/* One configured account. Read-only once opened. */
typedef struct {
    const QueryDriver *driver;
    char *name, *driver_name;
    char *url; /* without a slash at its end */
    bool allow_http;
    void *conf; /* the driver's own struct */
    Secret *key;
} QueryAccount;

/* Where in the answer the next request stands; zero at first. */
typedef struct {
    guint part; /* which of the question's ids, days, batches of addresses */
    guint at;   /* rows, or pages, before this one; the driver's */
} QueryCursor;

/* What came of one request. */
typedef struct {
    guint rows;
    bool cut; /* as many rows as the API ever shows: there may be more that nobody can ask for */
} QueryPage;

/* Whether the driver of this name sends no mail: its accounts can only be asked. */
bool query_only(const char *driver_name);

/* Reads section [account NAME]. */
QueryAccount *query_account_open(ConfFile *file, const char *name, GError **error);
void query_account_free(QueryAccount *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QueryAccount, query_account_free)

/* Whether the account's API has the call; whether what it does can't be undone. */
bool query_can(const QueryAccount *account, QueryTask task);
bool query_is_final(const QueryAccount *account, QueryTask task);

/* "status", "results", …: literals. */
const char *query_task_name(QueryTask task);

/* Whether the question can be put to the account: QUERY_ERROR_CANNOT, QUERY_ERROR_USAGE. Before anything else. */
bool query_check(const QueryAccount *account, const Query *query, GError **error);

/* Whether requests need a token; the request for one; the token of its answer, good for lifetime_ms from now. */
bool query_wants_token(const QueryAccount *account);
HttpRequest *query_login(const QueryAccount *account);
Secret *query_token(const QueryAccount *account, const HttpResponse *response, gint64 *lifetime_ms, GError **error);

/* The request at cursor; token NULL where none is wanted. Cannot fail after query_check(). */
HttpRequest *query_build(const QueryAccount *account, const Query *query, const QueryCursor *cursor,
                         const Secret *token);

/* Moves to the request behind this one's page; false: that was the last. After an error, too, where the other ids or
 * addresses are to be asked for all the same (page is then { 0 }). */
bool query_next(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page);
