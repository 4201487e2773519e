/* feedback_fill FOLDER < LINES: makes FOLDER/feedback.db of deliveries that are watched, as shimtad does when an API
 * has taken them, one a line: account, id of the queue, the API's id, recipient, time in milliseconds. */
#include "queue/feedback_store.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIELDS = 5, GROUP = 1000 };

static const char header[] =
    "From: Shop <shop@example.net>\r\nTo: Customer <customer@example.org>\r\n"
    "Subject: =?utf-8?B?5rOo5paH44Gu44GK55+l44KJ44Gb?=\r\n"
    "Date: Fri, 20 Nov 2026 12:00:00 +0900\r\nMessage-ID: <20261120120000.a1b2c3d4@shop.example.net>\r\n";

static bool
watch(FeedbackStore *store, char **fields, GError **error)
{
    gint64 at_ms = g_ascii_strtoll(fields[4], NULL, 10);
    const FeedbackMail mail = {
        .account = fields[0], .id = fields[1], .remote_id = fields[2], .call = fields[1], .sender = "shop@example.net",
        .from = "shop@example.net", .listener = "tcp", .header = header, .arrived_ms = at_ms, .delivered_ms = at_ms,
    };
    const FeedbackRecipient to = { .address = fields[3] };

    return feedback_store_watch(store, &mail, &to, at_ms, error);
}

static bool
fill(FeedbackStore *store, GError **error)
{
    char line[1024];
    guint n = 0;

    for (; fgets(line, sizeof line, stdin); n++) {
        if (n % GROUP == 0 && ((n > 0 && !feedback_store_commit(store, error)) || !feedback_store_begin(store, error)))
            return false;
        g_auto(GStrv) fields = g_strsplit(g_strchomp(line), " ", FIELDS);
        if (g_strv_length(fields) != FIELDS || !watch(store, fields, error))
            return false;
    }
    return n == 0 || feedback_store_commit(store, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FeedbackStore) store = argc == 2 ? feedback_store_open(argv[1], &error) : NULL;

    if (store && fill(store, &error))
        return EXIT_SUCCESS;
    fprintf(stderr, "feedback_fill: %s\n", error ? error->message : "usage: feedback_fill FOLDER < LINES");
    return EXIT_FAILURE;
}
