/* shimta stats. */
#include "shimta/shimta.h"

#include "shimta/output.h"

#include <stdio.h>
#include <sysexits.h>

static void
print_queue(const cJSON *queue, gint64 now)
{
    g_autofree char *size = output_size(output_number(queue, "bytes"));
    gint64 oldest = output_number(queue, "oldest_ms");
    g_autofree char *age = output_span(now - oldest);

    printf("queue     %" G_GINT64_FORMAT " entries, %s; active %" G_GINT64_FORMAT ", due %" G_GINT64_FORMAT ", held %"
           G_GINT64_FORMAT "%s%s\n", output_number(queue, "entries"), size, output_number(queue, "active"),
           output_number(queue, "due"), output_number(queue, "held"), oldest > 0 ? "; oldest " : "",
           oldest > 0 ? age : "");
}

static void
print_accounts(const cJSON *accounts)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, accounts) {
        g_autofree char *name = output_string(one, "name"), *why = output_string(one, "why");
        g_autofree char *until = output_time(output_number(one, "until_ms"));
        g_autofree char *state = output_string(one, "state");
        printf("account   %s: %s", name, state);
        if (output_number(one, "until_ms") > 0)
            printf(" until %s", until);
        if (json_string(one, "why"))
            printf(" (%s)", why);
        printf("; calls %" G_GINT64_FORMAT ", in line %" G_GINT64_FORMAT "\n", output_number(one, "calls"),
               output_number(one, "waiting"));
    }
}

static void
print_stats(const cJSON *row)
{
    const cJSON *queue = cJSON_GetObjectItemCaseSensitive(row, "queue"), *count;
    const cJSON *journal = cJSON_GetObjectItemCaseSensitive(row, "journal");
    gint64 now = output_number(row, "now_ms");
    g_autofree char *version = output_string(row, "version"), *since = output_time(output_number(row, "started_ms"));
    g_autofree char *size = output_size(output_number(journal, "bytes"));
    g_autofree char *queue_error = output_string(row, "queue_error");
    g_autofree char *journal_error = output_string(row, "journal_error");

    printf("shimtad   %s, pid %" G_GINT64_FORMAT ", since %s; mails in hand %" G_GINT64_FORMAT "\n", version,
           output_number(row, "pid"), since, output_number(row, "in_hand"));
    if (queue)
        print_queue(queue, now);
    else
        printf("queue     %s\n", json_string(row, "queue_error") ? queue_error : "none");
    print_accounts(cJSON_GetObjectItemCaseSensitive(row, "accounts"));
    fputs("since     the start, recipients:", stdout);
    cJSON_ArrayForEach(count, cJSON_GetObjectItemCaseSensitive(row, "counts"))
        printf(" %s %.0f", count->string, cJSON_GetNumberValue(count));
    putchar('\n');
    if (journal)
        printf("journal   %s\n", size);
    else
        printf("journal   %s\n", json_string(row, "journal_error") ? journal_error : "none");
}

static void
stats_row(const cJSON *row, void *user)
{
    const Task *task = user;

    if (task->json)
        output_json(row);
    else
        print_stats(row);
}

int
stats_print(Task *task)
{
    g_autoptr(Link) link = task_link(task);
    LinkReader reader = { stats_row, task };

    return link ? task_ask(link, request_new("stats"), &reader, NULL) : EX_TEMPFAIL;
}
