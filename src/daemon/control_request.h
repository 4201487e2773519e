/* One request of the operator's socket, and how it is answered. Private to control*.c. Loop thread, but for what is
 * said of tasks. */
#pragma once

#include "daemon/control.h"
#include "http/json.h"

enum {
    CONTROL_PAGE = 200,       /* rows of one answer */
    CONTROL_CHANGES = 1000,   /* of the operator, in one transaction */
    CONTROL_HEADER_BYTES = 64 * 1024, /* of a mail that are shown */
    CONTROL_RECIPIENTS = 10,  /* of an entry, in a list */
};

typedef struct {
    ControlHub hub; /* its own: the socket may be closed before its end */
    cJSON *body;
    struct ControlClient *client; /* NULL: it has left */

    /* A task's own, until its end: */
    cJSON *rows; /* of its answer */
    cJSON *last; /* what the line with "done" says besides */
    GPtrArray *lines; /* of owned JournalLine, written at its end */
    gint64 now_ms;
} ControlRequest;

/* Each takes the request and ends with control_answer(), now or later. */
typedef void (*ControlHandler)(ControlRequest *request);
void control_list(ControlRequest *request);
void control_show(ControlRequest *request);
void control_change(ControlRequest *request);
void control_flush(ControlRequest *request);
void control_trace(ControlRequest *request);
void control_lines(ControlRequest *request);
void control_stats(ControlRequest *request);
void control_suppressions(ControlRequest *request);

/* Sends rows and last, or the error, and frees the request. */
void control_answer(ControlRequest *request, const char *error);

/* Runs on the store's or the journal's thread, which has the request until it ends there; the answer follows. The
 * answer is an error where there is none. */
void control_ask_store(ControlRequest *request, const StoreTask *task);
void control_ask_journal(ControlRequest *request, const JournalTask *task);

/* What its filters choose, at most max, behind `after`. Borrows. */
StoreQuery control_query(const ControlRequest *request, guint max);

/* The `done` of a task that needs nothing else. */
void control_done(void *user, const GError *error);

/* Values of JSON; NULL is left out, and text made valid UTF-8. */
void control_put(cJSON *object, const char *name, const char *text);
void control_put_number(cJSON *object, const char *name, gint64 number);
cJSON *control_row(ControlRequest *request);

/* A number of the request; 0 without one. */
gint64 control_number(const ControlRequest *request, const char *name);
