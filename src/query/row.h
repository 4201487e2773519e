/* A row of an answer: names and values in the API's order. What is known has one name whatever the API calls it
 * (QUERY_FIELD_…), everything else its own, with dots where it was nested. Values are valid UTF-8. Any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define QUERY_FIELD_ADDRESS "address"       /* the recipient's */
#define QUERY_FIELD_SENDER "sender"         /* header From */
#define QUERY_FIELD_ID "id"                 /* the API's, of a delivery or message */
#define QUERY_FIELD_REQUEST_ID "request_id" /* the one it was sent with */
#define QUERY_FIELD_MESSAGE_ID "message_id" /* without angle brackets */
#define QUERY_FIELD_TAG "tag"               /* X-Api-Data */
#define QUERY_FIELD_STATUS "status"         /* the API's word */
#define QUERY_FIELD_EVENT "event"           /* query_event_name() of what the status means */
#define QUERY_FIELD_CODE "code"             /* the API's number for the reason */
#define QUERY_FIELD_REASON "reason"
#define QUERY_FIELD_TIME "time"             /* RFC 3339 where the API's form is understood */
#define QUERY_FIELD_COUNT "count"
#define QUERY_FIELD_SUBJECT "subject"
#define QUERY_FIELD_EXCLUDED "excluded"     /* "yes": the API leaves the address out of mails; else "no" */
#define QUERY_FIELD_DOMAIN "domain"
#define QUERY_FIELD_SELECTOR "selector"

typedef struct {
    char *name, *value;
    guint group; /* which element of a list inside the row it stood in, from 1; 0: none */
} QueryField;

typedef struct {
    GArray *fields; /* of QueryField */
} QueryRow;

QueryRow *query_row_new(void);
void query_row_free(QueryRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QueryRow, query_row_free)

/* The first value of that name, or NULL. */
const char *query_row_get(const QueryRow *self, const char *name);

/* Adds a field; query_row_set() replaces the first of that name where there is one. */
void query_row_add(QueryRow *self, const char *name, const char *value);
void query_row_set(QueryRow *self, const char *name, const char *value);

/* Called for each row, which is the reader's. */
typedef void (*QuerySink)(const QueryRow *row, void *user);

typedef enum {
    QUERY_EVENT_NONE, /* says nothing about a recipient */
    QUERY_EVENT_PENDING,
    QUERY_EVENT_DELIVERED,
    QUERY_EVENT_SOFT, /* failed, may work another time */
    QUERY_EVENT_BOUNCED,
    QUERY_EVENT_UNSUBSCRIBED,
} QueryEventKind;

/* What a row says of a recipient; texts are the row's, "" or NULL where it has none. */
typedef struct {
    QueryEventKind kind;
    const char *address, *sender;
    const char *id, *request_id, *message_id, *tag;
    const char *code, *reason;
    gint64 when_ms; /* since the epoch; 0: not said */
} QueryEvent;

/* False if it says nothing about a recipient: no address, or no event. */
bool query_row_event(const QueryRow *self, QueryEvent *event);

/* "pending", "delivered", "soft", "bounced", "unsubscribed"; NULL for none. */
const char *query_event_name(QueryEventKind kind);
