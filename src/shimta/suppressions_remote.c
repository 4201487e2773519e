/* shimta suppressions show and set --remote: the API's own count of failures for an address, which Arara calls its error
 * filter and leaves addresses out by. */
#include "shimta/api.h"

#include <sysexits.h>

static const char *const columns[] = {
    "account", QUERY_FIELD_ADDRESS, QUERY_FIELD_COUNT, "registered_time", QUERY_FIELD_TIME, NULL,
};

int
suppressions_remote_show(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_FILTER_SHOW },
        .words = API_WORDS_ADDRESSES,
        .columns = columns,
    };

    return api_run(&api);
}

int
suppressions_remote_set(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_FILTER_SET, .count = task->count },
        .words = API_WORDS_ADDRESSES,
        .columns = columns,
    };

    if (!task->remote) {
        complain("it is the API's own list that counts failures: say --remote, or see 'suppressions add'");
        return EX_USAGE;
    }
    return api_run(&api);
}
