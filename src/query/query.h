/* What an account's API can be asked beside sending mail, by task and not by vendor: a Query becomes requests, one per
 * page, and their answers rows. Pure: who asks sends the requests itself (http/client.h). An account's section is the
 * one its mail goes through, or that of an API that only answers. Any thread.
 *
 *     QueryCursor cursor = { 0 };
 *     QueryAsk ask = { account, query, &cursor, token };
 *     do {
 *         request = query_build(&ask);   then http_send_stream(), whose sink is query_reader_push()
 *         ok = query_reader_finish(reader, response, &page, &error);
 *     } while (query_next(account, query, &cursor, &page)); */
#pragma once

#include "base/conf.h"
#include "base/secret.h"
#include "http/request.h"
#include "query/question.h"
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

typedef struct QueryDriver QueryDriver;

/* One configured account. Read-only once opened. */
typedef struct {
    const QueryDriver *driver;
    char *name, *driver_name;
    char *url; /* without a slash at its end */
    bool allow_http;
    void *conf; /* the driver's own struct */
    Secret *key;
    Secret *password; /* a second one that no error may show, or NULL */
} QueryAccount;

enum { QUERY_PAGE_HEAD = 8 };

/* What a page begins with: numbers that other rows hardly have. */
typedef struct {
    guint n; /* QUERY_PAGE_HEAD, or all rows of a shorter page */
    guint64 digests[QUERY_PAGE_HEAD];
} QueryHead;

/* Where in the answer the next request stands; zero at first. */
typedef struct {
    guint part; /* which of the question's ids, days, batches of addresses */
    guint at;   /* rows, or pages, before this one; the driver's */
    bool again; /* the last page was the one before it once more: the API knows no pages */
    QueryHead head; /* of the last page */
} QueryCursor;

/* One request: what it is built from, and its answer read for. */
typedef struct {
    const QueryAccount *account;
    const Query *query;
    const QueryCursor *cursor;
    const Secret *token; /* NULL where none is wanted */
} QueryAsk;

/* What came of one request. */
typedef struct {
    guint rows; /* of the answer, also those that are left out as of another time than the question's */
    QueryHead head;
    bool again; /* the page before once more, of which no row was given */
    bool cut;   /* as many rows as the API ever shows, or as are ever asked for: there may be more */
    bool odd;   /* where a row was to be was something else, of which nothing was made */
    const QueryRow *rest; /* what the answer said outside its rows (total, count, …); the reader's; or NULL */
} QueryPage;

/* Whether there is such a driver; whether it sends no mail, so that its accounts can only be asked. */
bool query_knows(const char *driver_name);
bool query_only(const char *driver_name);

/* Reads section [account NAME]. */
QueryAccount *query_account_open(ConfFile *file, const char *name, GError **error);
/* Appends the settings that the account's mail has not, as they go on in its section; of one without mail, all. */
void query_account_print(const QueryAccount *self, GString *out);
void query_account_free(QueryAccount *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QueryAccount, query_account_free)

/* Whether the account's API has the call; whether it changes anything. */
bool query_can(const QueryAccount *account, QueryTask task);
bool query_changes(const QueryAccount *account, QueryTask task);

/* Whether a period of hours makes the API show less than a whole day, and so perhaps more of that. */
bool query_takes_hours(const QueryAccount *account, QueryTask task);

/* Whether an id, a domain or the like can stand in a question: blanks and the names of folders would make another
 * resource's path of a URL, its list or what it stands in. */
bool query_is_name(const char *text);

/* Whether the question can be put to the account: QUERY_ERROR_CANNOT, QUERY_ERROR_USAGE. Before anything else. */
bool query_check(const QueryAccount *account, const Query *query, GError **error);

/* Whether the question says less than the account's API wants to know, which another's may not. */
bool query_lacks(const QueryAccount *account, const Query *query);

/* Whether requests need a token; the request for one; the token of its answer, good for lifetime_ms from now. */
bool query_wants_token(const QueryAccount *account);
HttpRequest *query_login(const QueryAccount *account);
Secret *query_token(const QueryAccount *account, const HttpResponse *response, gint64 *lifetime_ms, GError **error);

/* The request. Cannot fail after query_check(). */
HttpRequest *query_build(const QueryAsk *ask);

/* Moves to the request behind this one's page; false: that was the last. After an error, too, where the other ids or
 * addresses are to be asked for all the same (page is then { 0 }). */
bool query_next(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page);
