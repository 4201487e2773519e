/* shimta suppressions: the daemon's own list of addresses that get no mail any more. */
#include "shimta/shimta.h"

#include "shimta/output.h"

#include <stdio.h>
#include <sysexits.h>

typedef struct {
    const Task *task;
    guint64 rows;
    char *account, *address, *sender; /* of the last row */
} Listing;

static void
print_row(const cJSON *row, void *user)
{
    Listing *self = user;

    self->rows++;
    g_free(self->account);
    g_free(self->address);
    g_free(self->sender);
    self->account = g_strdup(json_string(row, "account"));
    self->address = g_strdup(json_string(row, "address"));
    self->sender = g_strdup(json_string(row, "sender"));
    if (self->task->json) {
        output_json(row);
        return;
    }
    g_autofree char *account = output_string(row, "account"), *address = output_string(row, "address");
    g_autofree char *kind = output_string(row, "kind"), *source = output_string(row, "source");
    g_autofree char *since = output_time(output_number(row, "since_ms")), *reason = output_string(row, "reason");
    g_autofree char *until = output_time(output_number(row, "expires_ms")), *sender = output_string(row, "sender");
    printf("%s  %-12s  %s  account=%s  source=%s", since, kind, address, account, source);
    if (self->sender)
        printf("  sender=%s", sender);
    if (output_number(row, "expires_ms") > 0)
        printf("  until=%s", until);
    printf("  %s\n", json_string(row, "reason") ? reason : "");
}

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

static void
go_on_after(cJSON *request, const Listing *listing)
{
    if (!listing->account)
        return;
    cJSON_AddStringToObject(request, "after_account", listing->account);
    cJSON_AddStringToObject(request, "after_address", listing->address ? listing->address : "");
    cJSON_AddStringToObject(request, "after_sender", listing->sender ? listing->sender : "");
}

int
suppressions_list(Task *task)
{
    g_autoptr(Link) link = task_link(task);
    Listing listing = { .task = task };
    LinkReader reader = { print_row, &listing };
    int status = link ? EX_OK : EX_TEMPFAIL;
    bool more = true;

    while (more && status == EX_OK) {
        g_autoptr(cJSON) last = NULL;
        cJSON *request = request_of(task, "list", NULL);
        go_on_after(request, &listing);
        status = task_ask(link, request, &reader, &last);
        more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(last, "more"));
    }
    g_free(listing.account);
    g_free(listing.address);
    g_free(listing.sender);
    return status;
}

/* Addresses of which nothing is known, or nothing had to be changed, make the status 1. */
static int
do_each(Task *task, const char *action, const char *none, const char *some)
{
    g_autoptr(Link) link = task_link(task);
    Listing listing = { .task = task };
    LinkReader reader = { print_row, &listing };
    int status = link ? EX_OK : EX_TEMPFAIL;
    bool all = true;

    for (guint i = 0; task->args[i] && status == EX_OK; i++) {
        g_autoptr(cJSON) last = NULL;
        status = task_ask(link, request_of(task, action, task->args[i]), &reader, &last);
        if (status != EX_OK)
            break;
        bool done = output_number(last, "n") > 0;
        if (!done)
            complain("%s %s", task->args[i], none);
        else if (some && !task->json)
            printf("%s %s\n", task->args[i], some);
        all &= done;
    }
    g_free(listing.account);
    g_free(listing.address);
    g_free(listing.sender);
    return status == EX_OK && !all ? 1 : status;
}

int
suppressions_show(Task *task)
{
    return do_each(task, "show", "is not on the list", NULL);
}

int
suppressions_add(Task *task)
{
    if (!task->account) {
        complain("which account's list? Say --account");
        return EX_USAGE;
    }
    return do_each(task, "add", "is on the list already", "gets no mail any more");
}

int
suppressions_remove(Task *task)
{
    return do_each(task, "remove", "is not on the list", "gets mail again");
}
