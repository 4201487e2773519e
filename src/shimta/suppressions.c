/* shimta suppressions: the daemon's own list of addresses that get no mail any more. */
#include "shimta/shimta.h"

#include "base/conf.h"
#include "mail/address.h"
#include "query/row.h"
#include "shimta/list_source.h"
#include "shimta/output.h"
#include "shimta/sheet.h"
#include "shimta/words.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { SHEET_BYTES = 4 * 1024 * 1024 };

static const char *const listed_columns[] = {
    "account", QUERY_FIELD_ADDRESS, "kind", "source", "since", "until", QUERY_FIELD_SENDER, QUERY_FIELD_REASON, NULL,
};
static const char *const done_columns[] = { "account", QUERY_FIELD_ADDRESS, "result", NULL };

typedef struct {
    const Task *task;
    Sheet *sheet;
    guint64 rows;
    int status; /* of what failed first */
} Listing;

static void
listing_clear(Listing *self)
{
    g_clear_pointer(&self->sheet, sheet_free);
}

static void
note(Listing *self, int status)
{
    if (self->status == EX_OK)
        self->status = status;
}

static void
add_row(Listing *self, const QueryRow *row)
{
    g_autoptr(GError) error = NULL;

    if (sheet_add(self->sheet, row, &error))
        return;
    complain("%s", error->message);
    note(self, EX_IOERR);
}

static void
put_time(QueryRow *row, const char *name, gint64 ms)
{
    g_autoptr(GDateTime) time = ms > 0 ? g_date_time_new_from_unix_local(ms / 1000) : NULL;
    g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S%:z") : NULL;

    query_row_add(row, name, text ? text : "");
}

static void
take_row(const cJSON *listed, void *user)
{
    static const char *const names[] = { "account", "address", "kind", "source" };
    Listing *self = user;

    self->rows++;
    if (self->task->json) {
        output_json(listed);
        return;
    }
    g_autoptr(QueryRow) row = query_row_new();
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        query_row_add(row, names[i], json_string(listed, names[i]) ? json_string(listed, names[i]) : "");
    put_time(row, "since", output_number(listed, "since_ms"));
    put_time(row, "until", output_number(listed, "expires_ms"));
    query_row_add(row, QUERY_FIELD_SENDER, json_string(listed, "sender") ? json_string(listed, "sender") : "");
    query_row_add(row, QUERY_FIELD_REASON, json_string(listed, "reason") ? json_string(listed, "reason") : "");
    add_row(self, row);
}

static void
print_rows(Listing *self)
{
    g_autoptr(GError) error = NULL;

    if (self->task->json || sheet_print(self->sheet, sheet_form(self->sheet, self->task->csv, stdout), stdout, &error))
        return;
    complain("%s", error->message);
    note(self, EX_IOERR);
}

/* What was, or would be, done with an address. */
static void
show_done(Listing *self, const char *address, const char *result)
{
    if (self->task->json) {
        g_autoptr(cJSON) line = cJSON_CreateObject();
        if (self->task->account)
            cJSON_AddStringToObject(line, "account", self->task->account);
        cJSON_AddStringToObject(line, "address", address);
        cJSON_AddStringToObject(line, "result", result);
        output_json(line);
        return;
    }
    g_autoptr(QueryRow) row = query_row_new();
    query_row_add(row, "account", self->task->account ? self->task->account : "");
    query_row_add(row, QUERY_FIELD_ADDRESS, address);
    query_row_add(row, "result", result);
    add_row(self, row);
}

/* --- what is asked ------------------------------------------------------------------------------- */

/* By the sections' names alone: to read the list nobody needs the accounts' keys. An exit status. */
static int
check_task(const Task *task)
{
    g_autoptr(GError) error = NULL;

    if (task->csv && task->json) {
        complain("--csv or --json, not both");
        return EX_USAGE;
    }
    if (!task->account)
        return EX_OK;
    g_autoptr(ConfFile) file = conf_open(task->config, &error);
    if (!file) {
        complain("%s", error->message);
        return EX_CONFIG;
    }
    g_auto(GStrv) names = conf_names(file, "account");
    if (g_strv_contains((const char *const *) names, task->account))
        return EX_OK;
    g_autofree char *all = g_strjoinv(", ", names);
    complain("there is no account '%s', but %s", task->account, *all ? all : "none at all");
    return EX_USAGE;
}

int
suppressions_list(Task *task)
{
    Listing listing = { .task = task };
    int status = check_task(task);

    if (status != EX_OK)
        return status;
    if (task->dry_run) {
        puts("shimtad would be asked for its list");
        return EX_OK;
    }
    LinkReader reader = { take_row, &listing };
    g_autoptr(ListSource) source = list_source_open(task, false, &status);
    if (!source)
        return status;
    listing.sheet = sheet_new(listed_columns, SHEET_BYTES);
    listing.status = list_source_list(source, &reader);
    print_rows(&listing);
    if (listing.status == EX_OK && listing.rows == 0) {
        complain("nobody is on the list");
        listing.status = 1;
    }
    status = listing.status;
    listing_clear(&listing);
    return status;
}

/* --- one address after the other ----------------------------------------------------------------- */

typedef struct {
    const char *name;
    const char *none, *some; /* what is said of an address for which nothing, or something, was to be done */
    const char *result_none, *result_some, *result_dry; /* the same as the value of a column */
} Action;

static const Action show_action = { "show", "is not on the list", NULL, NULL, NULL, "would be looked for" };
static const Action add_action = {
    "add", "is on the list already", "gets no mail any more", "listed already", "added", "would be added",
};
static const Action remove_action = {
    "remove", "is not on the list", "gets mail again", "not listed", "removed", "would be removed",
};

static void
tell(Listing *self, const Action *action, const char *address, bool done)
{
    const char *result = done ? action->result_some : action->result_none;
    bool rows = self->task->json || self->task->csv;

    if (rows && result)
        show_done(self, address, result);
    if (!done) {
        complain("%s %s", address, action->none);
        note(self, 1);
    } else if (!rows && action->some) {
        g_autofree char *clean = output_clean(address);
        printf("%s %s\n", clean, action->some);
    }
}

static bool
reject(Listing *self, const char *address)
{
    complain("'%s' is no address", address);
    note(self, EX_USAGE);
    return true;
}

static void
ignore_row(const cJSON *row, void *user)
{
}

/* To see whether an address is on the list, which source is for, changes nothing. False: there is no going on. */
static bool
do_one_dry(Listing *self, const Action *action, ListSource *source, const char *address)
{
    LinkReader reader = { ignore_row, NULL };
    gint64 n = 0;
    int status = source && *address ? list_source_ask(source, show_action.name, address, &reader, &n) : EX_OK;

    if (status == EX_OK && n == 0 && !address_is_whole(address))
        return reject(self, address);
    if (status != EX_OK)
        note(self, status);
    else if (source && n == 0)
        tell(self, action, address, false);
    else
        show_done(self, address, action->result_dry);
    return status == EX_OK || status == 1;
}

/* What is on the list can be taken off, whatever it is. False: there is no going on. */
static bool
do_one(Listing *self, const Action *action, ListSource *source, const char *address)
{
    LinkReader reader = { take_row, self };
    bool whole = address_is_whole(address);
    gint64 n;

    if (self->task->dry_run)
        return do_one_dry(self, action, source, address);
    if (!*address || (!whole && action == &add_action))
        return reject(self, address);
    int status = list_source_ask(source, action->name, address, &reader, &n);
    if (status == EX_OK && n == 0 && !whole)
        return reject(self, address);
    if (status == EX_OK)
        tell(self, action, address, n > 0);
    else
        note(self, status);
    return status == EX_OK || status == 1;
}

/* Addresses of which nothing is known, or for which nothing had to be changed, make the status 1. */
static int
do_each(Task *task, const Action *action)
{
    Listing listing = { .task = task };
    int status = check_task(task);
    g_autoptr(GPtrArray) words = status == EX_OK ? words_read(task->args, &status) : NULL;
    bool listed = action == &show_action && !task->dry_run;

    if (!words)
        return status;
    bool writes = action->some && !task->dry_run, asks = !task->dry_run || action == &remove_action;
    g_autoptr(ListSource) source = asks ? list_source_open(task, writes, &status) : NULL;
    if (status != EX_OK)
        return status;
    listing.sheet = sheet_new(listed ? listed_columns : done_columns, SHEET_BYTES);
    for (guint i = 0; i < words->len && do_one(&listing, action, source, words->pdata[i]); i++)
        ;
    print_rows(&listing);
    status = listing.status;
    listing_clear(&listing);
    return status;
}

int
suppressions_show(Task *task)
{
    return do_each(task, &show_action);
}

int
suppressions_add(Task *task)
{
    if (!task->account) {
        complain("which account's list? Say --account");
        return EX_USAGE;
    }
    return do_each(task, &add_action);
}

int
suppressions_remove(Task *task)
{
    return do_each(task, &remove_action);
}
