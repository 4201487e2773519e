#include "shimta/list_source.h"

#include "base/clock.h"
#include "queue/suppression.h"
#include "shimta/folder.h"
#include "shimta/output.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

struct ListSource {
    const Task *task;
    Link *link;           /* NULL: the table */
    FeedbackStore *store; /* NULL without a link: there is none yet, and nobody on it */
};

/* --- the daemon ---------------------------------------------------------------------------------- */

static cJSON *
request_of(const Task *task, const char *action, const char *address)
{
    cJSON *request = request_new("suppressions");

    cJSON_AddStringToObject(request, "action", action);
    if (task->account)
        cJSON_AddStringToObject(request, "account", task->account);
    if (address)
        cJSON_AddStringToObject(request, "address", address);
    return request;
}

/* Passes rows on, and remembers the last one: the next page begins behind it. */
typedef struct {
    const LinkReader *reader;
    char *account, *address, *sender;
} Pages;

static void
take_row(const cJSON *row, void *user)
{
    Pages *self = user;

    g_free(self->account);
    g_free(self->address);
    g_free(self->sender);
    self->account = g_strdup(json_string(row, "account"));
    self->address = g_strdup(json_string(row, "address"));
    self->sender = g_strdup(json_string(row, "sender"));
    self->reader->row(row, self->reader->user);
}

static void
go_on_after(cJSON *request, const Pages *pages)
{
    if (!pages->account)
        return;
    cJSON_AddStringToObject(request, "after_account", pages->account);
    cJSON_AddStringToObject(request, "after_address", pages->address ? pages->address : "");
    cJSON_AddStringToObject(request, "after_sender", pages->sender ? pages->sender : "");
}

static int
list_pages(const ListSource *self, const LinkReader *reader)
{
    Pages pages = { .reader = reader };
    LinkReader through = { take_row, &pages };
    int status = EX_OK;
    bool more = true;

    while (more && status == EX_OK) {
        g_autoptr(cJSON) last = NULL;
        cJSON *request = request_of(self->task, "list", NULL);
        go_on_after(request, &pages);
        status = task_ask(self->link, request, &through, &last);
        more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(last, "more"));
    }
    g_free(pages.account);
    g_free(pages.address);
    g_free(pages.sender);
    return status;
}

/* --- the table ----------------------------------------------------------------------------------- */

static int
open_table(ListSource *self, bool writes, const char *why)
{
    g_autoptr(GError) error = NULL;
    const char *folder = self->task->conf.state_dir;

    if (!folder_enter(folder)) {
        complain("no shimtad answers (%s), and its folder '%s' cannot be used (%s): start it, or say with --config "
                 "which file it was started with", why, folder, g_strerror(errno));
        return EX_TEMPFAIL;
    }
    complain("no shimtad answers (%s); this is the list in '%s'", why, folder);
    self->store = writes ? feedback_store_open(".", &error) : feedback_store_open_read(".", &error);
    if (!error)
        return EX_OK;
    complain("%s", error->message);
    return EX_IOERR;
}

typedef struct {
    const LinkReader *reader;
    gint64 n;
} Rows;

static void
put(cJSON *row, const char *name, const char *value)
{
    if (value && *value)
        cJSON_AddStringToObject(row, name, value);
}

static void
visit(const Suppression *one, void *user)
{
    Rows *rows = user;
    g_autoptr(cJSON) row = cJSON_CreateObject();

    put(row, "account", one->account);
    put(row, "address", one->address);
    put(row, "sender", one->sender);
    put(row, "kind", suppression_kind_name(one->kind));
    put(row, "source", one->source);
    put(row, "reason", one->reason);
    cJSON_AddNumberToObject(row, "since_ms", (double) one->since_ms);
    if (one->expires_ms > 0)
        cJSON_AddNumberToObject(row, "expires_ms", (double) one->expires_ms);
    rows->n++;
    rows->reader->row(row, rows->reader->user);
}

static bool
read_table(const ListSource *self, const char *address, Rows *rows, GError **error)
{
    const SuppressionPage page = { .account = self->task->account, .address = address, .max = G_MAXINT,
                                   .now_ms = clock_now() };

    return !self->store || suppression_each(self->store, &page, visit, rows, error);
}

static bool
change_table(const ListSource *self, bool adds, const char *address, gint64 *n, GError **error)
{
    const Suppression one = { .account = self->task->account, .address = address, .sender = "",
                              .kind = SUPPRESSION_MANUAL, .source = "operator", .since_ms = clock_now() };
    bool added = false;
    guint removed = 0;

    if (!feedback_store_begin(self->store, error))
        return false;
    bool done = adds ? suppression_add(self->store, &one, &added, error)
                     : suppression_remove(self->store, one.account, address, one.since_ms, &removed, error);
    *n = added + (gint64) removed;
    if (done)
        return feedback_store_commit(self->store, error);
    feedback_store_undo(self->store);
    return false;
}

static int
table_status(const GError *error)
{
    if (error)
        complain("%s", error->message);
    return error ? EX_IOERR : EX_OK;
}

/* --- either -------------------------------------------------------------------------------------- */

ListSource *
list_source_open(const Task *task, bool writes, int *status)
{
    g_autoptr(ListSource) self = g_new0(ListSource, 1);
    g_autoptr(GError) error = NULL;

    self->task = task;
    self->link = link_open(task->conf.control_socket, &error);
    *status = EX_OK;
    if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES)) {
        complain("%s: only root and the user of shimtad may ask", error->message);
        *status = EX_TEMPFAIL;
    } else if (error) {
        *status = open_table(self, writes, error->message);
    }
    return *status == EX_OK ? g_steal_pointer(&self) : NULL;
}

void
list_source_free(ListSource *self)
{
    if (!self)
        return;
    link_free(self->link);
    feedback_store_close(self->store);
    g_free(self);
}

int
list_source_list(ListSource *self, const LinkReader *reader)
{
    g_autoptr(GError) error = NULL;
    Rows rows = { reader, 0 };

    if (self->link)
        return list_pages(self, reader);
    read_table(self, NULL, &rows, &error);
    return table_status(error);
}

int
list_source_ask(ListSource *self, const char *action, const char *address, const LinkReader *reader, gint64 *n)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(cJSON) last = NULL;
    Rows rows = { reader, 0 };

    *n = 0;
    if (self->link) {
        int status = task_ask(self->link, request_of(self->task, action, address), reader, &last);
        *n = output_number(last, "n");
        return status;
    }
    if (strcmp(action, "show") != 0)
        change_table(self, strcmp(action, "add") == 0, address, n, &error);
    else if (read_table(self, address, &rows, &error))
        *n = rows.n;
    return table_status(error);
}
