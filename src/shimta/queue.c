/* shimta queue: list, show. */
#include "shimta/shimta.h"

#include "base/clock.h"
#include "shimta/output.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

typedef struct {
    const Task *task;
    guint64 n;
} Listing;

static void
print_when(const cJSON *row, gint64 now)
{
    const char *state = json_string(row, "state");
    g_autofree char *age = output_span(now - output_number(row, "arrived_ms"));
    g_autofree char *due = output_span(output_number(row, "due_ms") - now);
    g_autofree char *held = output_string(row, "held");

    printf("%-7s  age %s", state ? state : "?", age);
    if (g_strcmp0(state, "waiting") == 0)
        printf("  next try in %s", due);
    if (g_strcmp0(state, "held") == 0)
        printf("  %s", held);
    putchar('\n');
}

static void
print_entry(const cJSON *row)
{
    const cJSON *to, *recipients = cJSON_GetObjectItemCaseSensitive(row, "recipients");
    g_autofree char *id = output_string(row, "id"), *sender = output_string(row, "sender");
    g_autofree char *size = output_size(output_number(row, "size")), *text = output_string(row, "text");
    gint64 more = output_number(row, "open") - cJSON_GetArraySize(recipients);

    printf("%s  from %s  %s  ", id, g_str_equal(sender, "-") ? "<>" : sender, size);
    print_when(row, clock_now());
    cJSON_ArrayForEach(to, recipients) {
        g_autofree char *address = output_clean(cJSON_GetStringValue(to));
        printf("    to %s\n", address);
    }
    if (more > 0)
        printf("    and %" G_GINT64_FORMAT " more\n", more);
    if (json_string(row, "text"))
        printf("    %s\n", text);
}

static void
list_row(const cJSON *row, void *user)
{
    Listing *listing = user;

    listing->n++;
    if (listing->task->json)
        output_json(row);
    else
        print_entry(row);
    if (!isatty(STDOUT_FILENO)) /* the list itself is progress enough */
        output_progress("entries", listing->n);
}

int
queue_list(Task *task)
{
    g_autoptr(Link) link = task_link(task);
    Listing listing = { task, 0 };
    LinkReader reader = { list_row, &listing };
    g_autofree char *after = NULL;
    int status = link ? EX_OK : EX_TEMPFAIL;

    while (status == EX_OK) {
        g_autoptr(cJSON) last = NULL;
        cJSON *request = request_filtered("list", task);
        if (after)
            cJSON_AddStringToObject(request, "after", after);
        status = task_ask(link, request, &reader, &last);
        g_free(after);
        after = g_strdup(json_string(last, "more"));
        if (!after)
            break;
    }
    output_progress_end();
    if (status == EX_OK && !task->json) {
        if (listing.n == 0)
            puts(task->sender || task->recipient || task->held ? "No such entries." : "The queue is empty.");
        else
            printf("%" G_GUINT64_FORMAT " %s\n", listing.n, listing.n == 1 ? "entry" : "entries");
    }
    return status;
}

/* --- show ---------------------------------------------------------------------------------------- */

static void
print_field(const cJSON *row, const char *name, const char *title)
{
    g_autofree char *value = output_string(row, name);

    if (json_string(row, name))
        printf("%-12s %s\n", title, value);
}

static void
print_time(const cJSON *row, const char *name, const char *title)
{
    gint64 at_ms = output_number(row, name);
    g_autofree char *time = output_time(at_ms);

    if (at_ms > 0)
        printf("%-12s %s\n", title, time);
}

static void
print_header(const char *header)
{
    g_auto(GStrv) lines = g_strsplit(header, "\n", -1);

    puts("header");
    for (guint i = 0; lines[i]; i++) {
        g_strchomp(lines[i]);
        for (char *p = lines[i]; *p; p++)
            if (*p == '\t')
                *p = ' ';
        g_autofree char *clean = output_clean(lines[i]);
        if (*lines[i])
            printf("    %s\n", clean);
    }
}

static void
print_details(const cJSON *row)
{
    static const char *const fields[][2] = {
        { "id", "id" }, { "state", "state" }, { "held", "held" }, { "sender", "sender" }, { "message_id", "message-id" },
        { "listener", "listener" }, { "client", "client" }, { "user", "user" }, { "ret", "ret" }, { "envid", "envid" },
        { "damage", "damage" },
    };
    g_autofree char *size = output_size(output_number(row, "size"));

    for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
        print_field(row, fields[i][0], fields[i][1]);
    printf("%-12s %s\n", "size", size);
    print_time(row, "arrived_ms", "arrived");
    print_time(row, "due_ms", "next try");
    if (output_number(row, "hold_until_ms"))
        print_time(row, "hold_until_ms", "not before");
    print_time(row, "expires_ms", "given up");
    printf("%-12s %" G_GINT64_FORMAT "\n", "tries", output_number(row, "attempts"));
    printf("%-12s %" G_GINT64_FORMAT ", open: %" G_GINT64_FORMAT "\n", "recipients", output_number(row, "recipients"),
           output_number(row, "open"));
    if (json_string(row, "header"))
        print_header(json_string(row, "header"));
}

static void
print_recipient(const cJSON *row)
{
    static const char *const fields[] = { "account", "call", "remote_id", "orcpt", "notify" };
    g_autofree char *address = output_string(row, "recipient"), *state = output_string(row, "state");
    g_autofree char *text = output_string(row, "text"), *dsn = output_string(row, "dsn");

    printf("to %s  %s", address, state);
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autofree char *value = output_string(row, fields[i]);
        if (json_string(row, fields[i]))
            printf("  %s=%s", fields[i], value);
    }
    putchar('\n');
    if (json_string(row, "text"))
        printf("    %" G_GINT64_FORMAT " %s %s\n", output_number(row, "code"), dsn, text);
}

static void
show_row(const cJSON *row, void *user)
{
    const Task *task = user;

    if (task->json)
        output_json(row);
    else if (json_string(row, "recipient"))
        print_recipient(row);
    else
        print_details(row);
}

int
queue_show(Task *task)
{
    g_autoptr(Link) link = task_link(task);
    LinkReader reader = { show_row, task };
    gint64 after = 0;
    int status = link ? EX_OK : EX_TEMPFAIL;

    do {
        g_autoptr(cJSON) last = NULL;
        cJSON *request = status == EX_OK ? request_new("show") : NULL;
        if (!request)
            break;
        cJSON_AddStringToObject(request, "id", task->args[0]);
        cJSON_AddNumberToObject(request, "after", (double) after);
        status = task_ask(link, request, &reader, &last);
        after = output_number(last, "more");
    } while (after > 0);
    return status;
}
