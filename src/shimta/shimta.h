/* shimta, the operator's command: what its commands share. One thread, blocking. */
#pragma once

#include "daemon/settings.h"
#include "http/json.h"
#include "shimta/link.h"

typedef struct {
    const char *config;
    bool json, yes, all, held, list, remove;
    const char *sender, *recipient, *file;
    guint limit;
    char **args; /* behind the command's name; ends with NULL */
    DaemonConf conf; /* [shimta] of the configuration */
} Task;

/* Each returns an exit status of sysexits(3), or 1: nothing found, or something is wrong. */
int queue_list(Task *task);
int queue_show(Task *task);
int queue_retry(Task *task);
int queue_hold(Task *task);
int queue_release(Task *task);
int queue_delete(Task *task);
int queue_flush(Task *task);
int trace_print(Task *task);
int stats_print(Task *task);
int check_all(Task *task);
int passwd_change(Task *task);

/* Says on standard error what went wrong. */
void complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The daemon's socket; NULL and complains where it does not answer. */
Link *task_link(const Task *task);

/* A request of that kind; and one about the entries that --sender, --recipient and --held choose. */
cJSON *request_new(const char *kind);
cJSON *request_filtered(const char *kind, const Task *task);

/* Asks and complains. Returns an exit status; last (may be NULL) is the line with "done", caller deletes. Deletes
 * request. */
int task_ask(Link *link, cJSON *request, const LinkReader *reader, cJSON **last);
