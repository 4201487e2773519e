/* A query driver, for those who write one: a table of the API's calls, each with a function that builds its request and
 * data that say how its answer is read. The reader sees JSON, XML and CSV alike: an object in a list "items" and an
 * element <items> are both a row named "items". */
#pragma once

#include "query/query.h"

/* The API's name, with dots where it is nested in the row, compared without case, "_" and "-"; and ours. */
typedef struct {
    const char *api, *name;
} QueryName;

enum {
    QUERY_CALL_CHANGES = 1 << 0, /* something; repeating it is harmless */
    QUERY_CALL_FINAL = 1 << 1,   /* can't be undone */
    QUERY_CALL_CSV = 1 << 2,     /* what is neither JSON nor XML is CSV */
    QUERY_CALL_EMPTY = 1 << 3,   /* an empty body, or {}, is an answer: nothing there, or done; [] is nothing, too */
    QUERY_CALL_ANY = 1 << 4,     /* undocumented shape: a document that names no failure is an answer, if need be a row */
    QUERY_CALL_MESSAGE = 1 << 5, /* a "message" is part of a success, too */
    QUERY_CALL_DAYS = 1 << 7,    /* it tells of whole days: rows of other times than the question's are left out */
    QUERY_CALL_DIRECT = 1 << 8,  /* the user's own: what it answers is shown; HTTP's status and the API's codes for failures
                                    alone say whether it failed */
    QUERY_CALL_NO_CONTENT = 1 << 9, /* done is a 204 (RFC 9110, section 15.3.5), which has no body; a 200 has one */
    QUERY_CALL_CODED = 1 << 6,   /* where there is a result's code it alone says whether it failed: errors may be warnings */
};

/* One call of the API. */
typedef struct {
    QueryTask task;
    unsigned flags;        /* QUERY_CALL_… */
    unsigned needs;        /* QUERY_HAS_…: all of them */
    unsigned needs_one;    /* one of them, where it is not 0 */
    const char *row;       /* the names that a row may have, between blanks; "": the whole answer is one */
    const char *spread;    /* a list inside it (names likewise): each of its elements is a row, with what surrounds it */
    const char *signs;     /* names likewise: without a row, an empty list of rows, or one of these it is no answer; of a
                              change: one of these says that it was done, and rows alone don't */
    const QueryName *names;   /* ends with a zero row */
    guint batch;           /* addresses that one request is about at most; 0: one, or all where there is no next */
    guint cap;             /* elements the API shows at most of a period, or of a day; 0: unlimited */
    guint last;            /* the last value of a cursor's `at` that is asked for; 0: without pages */
    HttpRequest *(*build)(const QueryAsk *ask);
    /* May be NULL: whether the question is one the API takes, beyond needs. */
    bool (*check)(const QueryAccount *account, const Query *query, GError **error);
    /* May be NULL: one request is all. As query_next(). */
    bool (*next)(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page);
    /* May be NULL: sets what only this call knows (event, excluded, …). Names and times are ours already. */
    void (*finish)(const Query *query, QueryRow *row);
} QueryCall;

typedef struct {
    const char *code;
    QueryError error;
} QueryFault;

struct QueryDriver {
    const char *name;       /* value of `provider =` */
    bool only;              /* no mail is sent through it */
    const QueryCall *calls; /* ends with a zero build */
    const ConfKey *keys;    /* of its own */
    const ConfKey *shared;  /* that the driver of the same name for mail has, too; or NULL */
    size_t conf_size;
    /* Completes conf and account->key after it was read, with conf_fail(). May be NULL. */
    bool (*prepare)(QueryAccount *self, const ConfFile *file, GError **error);
    /* Both or neither. */
    HttpRequest *(*login)(const QueryAccount *self);
    Secret *(*token)(const QueryAccount *self, const HttpResponse *response, gint64 *lifetime_ms, GError **error);
    /* All or none: one of query/call.h; builds, and checks, the call in query->direct, with what authenticates it. */
    const QueryCall *direct_call;
    HttpRequest *(*direct)(const QueryAsk *ask);
    bool (*direct_check)(const QueryAccount *account, const Query *query, GError **error);
    /* The API's codes for failures ("errors.code" and the like), whatever the status; ends with a zero row, may be NULL. */
    const QueryFault *faults;
};

/* NULL-terminated. */
extern const QueryDriver *const query_drivers[];

/* Appends "?name=value", or "&…" once there is a query, percent-encoded; NULL value: nothing. */
void query_url_add(GString *url, const char *name, const char *value);

/* The same for a form. */
void query_form_add(GString *form, const char *name, const char *value);

/* A path below the account's url. */
GString *query_url(const QueryAccount *account, const char *path);

/* Whether an account's key holds such a path; false sets an error of conf_fail(). */
bool query_path_check(const QueryAccount *account, const ConfFile *file, const char *key, const char *path,
                      GError **error);

/* The first of names (of the API, NULL-terminated) that a good answer to a login has a value for, which the caller
 * frees; or NULL. */
char *query_login_value(const QueryAccount *account, const HttpResponse *response, const char *const *names);

/* The error of an answer to a login that brought no token. */
void query_login_failed(const QueryAccount *account, const HttpResponse *response, GError **error);

/* The call of a task, or NULL. */
const QueryCall *query_find_call(const QueryDriver *driver, QueryTask task);

/* Days, from midnight to midnight in Japan, that the query's period touches and that have begun, at least 1; the start of
 * the i-th. */
guint query_days(const Query *query);
gint64 query_day(const Query *query, guint i);

/* The start of the first day that has not begun. */
gint64 query_tomorrow(void);
