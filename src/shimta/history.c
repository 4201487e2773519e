/* shimta history: what an API keeps of mail to groups. */
#include "shimta/api.h"

#include <sysexits.h>

static const char *const search_columns[] = {
    "account", QUERY_FIELD_ID, QUERY_FIELD_TIME, QUERY_FIELD_STATUS, QUERY_FIELD_SUBJECT, "group", "total", "success",
    "failure", NULL,
};
static const char *const plain_columns[] = { "account", NULL };
static const char *const deleted_columns[] = { "account", QUERY_FIELD_ID, "result", NULL };

int
history_search(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_HISTORY_SEARCH },
        .words = API_WORDS_IDS,
        .dated = true,
        .columns = search_columns,
    };

    return api_run(&api);
}

/* What is left is about some ids. */
static int
run(Task *task, Api *api)
{
    api->task = task;
    api->words = API_WORDS_IDS;
    return api_run(api);
}

int
history_show(Task *task)
{
    Api api = { .query = { .task = QUERY_HISTORY_SHOW }, .columns = plain_columns, .record = true };

    return run(task, &api);
}

int
history_export(Task *task)
{
    Api api = { .query = { .task = QUERY_HISTORY_EXPORT, .failed = task->failed }, .columns = plain_columns };

    return run(task, &api);
}

int
history_opens(Task *task)
{
    Api api = { .query = { .task = QUERY_HISTORY_OPENS }, .columns = plain_columns };

    return run(task, &api);
}

static void
show_ids(Api *self, const char *list, const char *result)
{
    g_auto(GStrv) ids = g_strsplit(list ? list : "", ",", -1);

    for (guint i = 0; ids[i]; i++) {
        g_autoptr(QueryRow) row = query_row_new();
        if (!*g_strstrip(ids[i]))
            continue;
        query_row_add(row, QUERY_FIELD_ID, ids[i]);
        query_row_add(row, "result", result);
        api_show(self, row);
    }
}

/* One answer tells of all ids: "success" and "failure" are lists. What else it says is a row of its own. */
static void
show_deleted(Api *self, const QueryRow *row)
{
    const char *failure = query_row_get(row, "failure");
    g_autoptr(QueryRow) more = query_row_new();

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        if (!g_str_equal(field->name, "success") && !g_str_equal(field->name, "failure"))
            query_row_add(more, field->name, field->value);
    }
    if (more->fields->len > 0)
        api_show(self, more);
    show_ids(self, query_row_get(row, "success"), "deleted");
    show_ids(self, failure, "not deleted");
    if (failure && *failure) {
        complain("account %s: not deleted: %s", self->account->name, failure);
        api_note(self, 1);
    }
}

int
history_delete(Task *task)
{
    Api api = {
        .query = { .task = QUERY_HISTORY_DELETE },
        .columns = deleted_columns,
        .question = "Delete from the history message",
        .row = task->dry_run ? NULL : show_deleted,
    };

    return run(task, &api);
}
