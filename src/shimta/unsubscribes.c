/* shimta unsubscribes: one-click unsubscription (RFC 8058) that an API keeps for its customers. */
#include "shimta/api.h"

static const char *const columns[] = {
    "account", QUERY_FIELD_TIME, QUERY_FIELD_ADDRESS, QUERY_FIELD_SENDER, QUERY_FIELD_EXCLUDED,
    QUERY_FIELD_MESSAGE_ID, NULL,
};

int
unsubscribes_list(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = task->own_url ? QUERY_UNSUB_OWN_LIST : QUERY_UNSUB_LIST, .sender = task->sender },
        .dated = true,
        .default_period = "yesterday..today",
        .columns = columns,
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
    };

    return api_run(&api);
}
