/* shimta, the operator's command: what its commands share. One thread, blocking. */
#pragma once

#include "daemon/settings.h"
#include "http/json.h"
#include "shimta/link.h"

typedef struct {
    const char *config;
    bool json, csv, yes, dry_run, all, held, list, remove, failed, own_url, remote;
    const char *sender, *recipient, *file, *account, *period, *tag, *selector, *start, *body;
    GPtrArray *request_ids, *subjects, *groups; /* of const char *; or NULL */
    guint limit, count, key_bits;
    int is_default, enabled; /* 0: not said, 1: yes, -1: no */
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
int api_status(Task *task);
int api_results(Task *task);
int api_cancel(Task *task);
int api_plan(Task *task);
int api_usage(Task *task);
int api_call(Task *task);
int suppressions_list(Task *task);
int suppressions_show(Task *task);
int suppressions_add(Task *task);
int suppressions_remove(Task *task);
int suppressions_remote_show(Task *task);
int suppressions_remote_set(Task *task);
int domains_list(Task *task);
int domains_add(Task *task);
int domains_update(Task *task);
int domains_remove(Task *task);
int unsubscribes_list(Task *task);
int unsubscribes_enable(Task *task);
int unsubscribes_exclude(Task *task);
int history_search(Task *task);
int history_show(Task *task);
int history_export(Task *task);
int history_opens(Task *task);
int history_delete(Task *task);

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
