/* shimta unsubscribes: one-click unsubscription (RFC 8058) that an API keeps for its customers. */
#include "shimta/api.h"

#include <sysexits.h>

static const char *const columns[] = {
    "account", QUERY_FIELD_TIME, QUERY_FIELD_ADDRESS, QUERY_FIELD_SENDER, QUERY_FIELD_EXCLUDED,
    QUERY_FIELD_MESSAGE_ID, NULL,
};

/* Some lists are of all senders, and do not name them: who is on one has unsubscribed from that sender, too. Whoever
 * names the account wants the sender's own. */
static void
show_listed(Api *self, const QueryRow *row)
{
    const char *sender = query_row_get(row, QUERY_FIELD_SENDER), *wanted = self->task->sender;

    if (!wanted || (sender && g_ascii_strcasecmp(sender, wanted) == 0)) {
        api_show(self, row);
        return;
    }
    if (sender && *sender)
        return;
    if (self->shown == 0)
        complain("account %s: the API does not tell of which sender, and lists all", self->account->name);
    if (self->task->account)
        api_note(self, EX_UNAVAILABLE);
    api_show(self, row);
}

int
unsubscribes_list(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = task->own_url ? QUERY_UNSUB_OWN_LIST : QUERY_UNSUB_LIST, .sender = task->sender },
        .dated = true,
        .default_period = "yesterday..today",
        .columns = columns,
        .row = show_listed,
    };

    return api_run(&api);
}

int
unsubscribes_enable(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_UNSUB_ENABLE, .sender = task->args[0] },
        .columns = columns,
        .record = true,
        .question = "Enable one-click unsubscription of",
    };

    task->args++;
    return api_run(&api);
}

int
unsubscribes_exclude(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_UNSUB_LIFT, .sender = task->sender },
        .words = API_WORDS_ADDRESSES,
        .columns = columns,
        .question = "Take off the list of unsubscribed",
    };

    return api_run(&api);
}
