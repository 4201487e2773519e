/* shimta history: what an API keeps of mail to groups. */
#include "shimta/api.h"

#include <string.h>
#include <sysexits.h>

static const char *const search_columns[] = {
    "account", QUERY_FIELD_ID, QUERY_FIELD_TIME, QUERY_FIELD_STATUS, QUERY_FIELD_SUBJECT, "group", "total", "success",
    "failure", NULL,
};
static const char *const plain_columns[] = { "account", NULL };
static const char *const deleted_columns[] = { "account", QUERY_FIELD_ID, "result", NULL };

static bool
is_among(const GPtrArray *list, const char *text)
{
    for (guint i = 0; list && text && i < list->len; i++) {
        if (strcmp(list->pdata[i], text) == 0)
            return true;
    }
    return !list;
}

static void
show_found(Api *self, const QueryRow *row)
{
    if (is_among(self->subjects, query_row_get(row, QUERY_FIELD_SUBJECT)) && is_among(self->groups, query_row_get(row, "group")))
        api_show(self, row);
}

/* Lists are separated by commas, which nothing escapes: one with a text that has a comma is taken off the question, and
 * looked for here. Caller unrefs; NULL: there is none. */
static GPtrArray *
take_if_commas(GPtrArray **list)
{
    bool commas = false;

    for (guint i = 0; *list && i < (*list)->len; i++)
        commas |= strchr((*list)->pdata[i], ',') != NULL;
    return commas ? g_steal_pointer(list) : NULL;
}

int
history_search(Task *task)
{
    g_autoptr(GPtrArray) subjects = take_if_commas(&task->subjects);
    g_autoptr(GPtrArray) groups = take_if_commas(&task->groups);
    Api api = {
        .subjects = subjects,
        .groups = groups,
        .row = task->dry_run ? NULL : show_found,
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
show_id(Api *self, const char *id, const char *result)
{
    g_autoptr(QueryRow) row = query_row_new();

    query_row_add(row, QUERY_FIELD_ID, id);
    query_row_add(row, "result", result);
    api_show(self, row);
}

/* A list is one text with commas, or values of one name. */
static void
take_ids(Api *self, const char *list, bool done, GHashTable *told)
{
    g_auto(GStrv) ids = g_strsplit(list, ",", -1);

    for (guint i = 0; ids[i]; i++) {
        if (!*g_strstrip(ids[i]))
            continue;
        show_id(self, ids[i], done ? "deleted" : "not deleted");
        g_hash_table_add(told, g_strdup(ids[i]));
        if (done)
            continue;
        complain("account %s: not deleted: %s", self->account->name, ids[i]);
        api_note(self, 1);
    }
}

static bool
is_list(const char *name, const char *list)
{
    const char *dot = strrchr(name, '.');

    return strcmp(dot ? dot + 1 : name, list) == 0;
}

/* One answer tells of all ids: "success" and "failure" are lists. What else it says is a row of its own. */
static void
show_deleted(Api *self, const QueryRow *row)
{
    static const char *const lists[] = { "success", "failure" };
    g_autoptr(GHashTable) told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(QueryRow) more = query_row_new();

    for (guint list = 0; list < G_N_ELEMENTS(lists); list++) {
        for (guint i = 0; i < row->fields->len; i++) {
            const QueryField *field = &g_array_index(row->fields, QueryField, i);
            if (is_list(field->name, lists[list]))
                take_ids(self, field->value, list == 0, told);
            else if (list == 0 && !is_list(field->name, lists[1]))
                query_row_add(more, field->name, field->value);
        }
    }
    if (more->fields->len > 0)
        api_show(self, more);
    for (guint i = 0; self->query.ids[i]; i++) {
        if (g_hash_table_contains(told, self->query.ids[i]))
            continue;
        show_id(self, self->query.ids[i], "unknown");
        complain("account %s: the API says nothing of message %s", self->account->name, self->query.ids[i]);
        api_note(self, EX_PROTOCOL);
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
