/* shimta status, results, cancel, plan, usage. */
#include "shimta/api.h"

#include "base/clock.h"
#include "shimta/dates.h"

#include <string.h>
#include <sysexits.h>

static const char *const delivery_columns[] = {
    "account", QUERY_FIELD_ID, QUERY_FIELD_REQUEST_ID, QUERY_FIELD_STATUS, QUERY_FIELD_TIME, NULL,
};
static const char *const result_columns[] = {
    "account", QUERY_FIELD_TIME, QUERY_FIELD_ADDRESS, QUERY_FIELD_EVENT, QUERY_FIELD_STATUS, QUERY_FIELD_CODE,
    QUERY_FIELD_REASON, QUERY_FIELD_ID, QUERY_FIELD_SENDER, NULL,
};
static const char *const plan_columns[] = { "account", NULL };
static const char *const usage_columns[] = { "account", "user", "date", QUERY_FIELD_COUNT, NULL };

int
api_status(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_STATUS },
        .finds = true,
        .words = API_WORDS_IDS,
        .dated = true,
        .default_period = "today",
        .columns = delivery_columns,
    };

    return api_run(&api);
}

/* Not every API looks for them itself. */
static bool
has(const QueryRow *row, const char *name, const char *text)
{
    if (!text)
        return true;
    const char *value = query_row_get(row, name);
    g_autofree char *all = value ? g_utf8_casefold(value, -1) : g_strdup(""), *part = g_utf8_casefold(text, -1);
    return strstr(all, part) != NULL;
}

/* What says neither that the mail has arrived nor that it may yet. */
static bool
has_failed(const QueryRow *row)
{
    const char *event = query_row_get(row, QUERY_FIELD_EVENT);

    return g_strcmp0(event, query_event_name(QUERY_EVENT_DELIVERED)) != 0 &&
           g_strcmp0(event, query_event_name(QUERY_EVENT_PENDING)) != 0;
}

static void
show_result(Api *self, const QueryRow *row)
{
    const Task *task = self->task;

    if (task->failed && !has_failed(row))
        return;
    if (has(row, QUERY_FIELD_SENDER, task->sender) && has(row, QUERY_FIELD_ADDRESS, task->recipient) &&
        has(row, QUERY_FIELD_TAG, task->tag))
        api_show(self, row);
}

/* What an API may be asked to look for itself, though it may mind capitals: what has any is looked for here alone. */
static const char *
without_capitals(const char *text)
{
    for (const char *p = text; p && *p; p++)
        if (g_ascii_isupper(*p))
            return NULL;
    return text;
}

int
api_results(Task *task)
{
    const char *const recipients[] = { without_capitals(task->recipient), NULL };
    Api api = {
        .task = task,
        .query = { .task = QUERY_RESULTS, .sender = without_capitals(task->sender), .tag = without_capitals(task->tag) },
        .finds = true,
        .words = API_WORDS_IDS,
        .dated = true,
        .default_period = "today",
        .columns = result_columns,
        .rather = task->failed ? QUERY_BOUNCES : QUERY_STATUS,
        .row = show_result,
    };

    api.query.addresses = recipients[0] ? recipients : NULL;
    return api_run(&api);
}

int
api_cancel(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_CANCEL },
        .words = API_WORDS_IDS,
        .columns = delivery_columns,
        .question = "Cancel delivery",
    };

    return api_run(&api);
}

int
api_plan(Task *task)
{
    Api api = { .task = task, .query = { .task = QUERY_PLAN }, .columns = plan_columns, .record = true };

    return api_run(&api);
}

/* Days as people write them: 20261122 is one of the APIs'. */
static void
show_usage(Api *self, const QueryRow *row)
{
    g_autoptr(QueryRow) whole = query_row_new();

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        const char *day = field->value;
        bool plain = strcmp(field->name, "date") == 0 && strlen(day) == 8 && strspn(day, "0123456789") == 8;
        g_autofree char *text = plain ? g_strdup_printf("%.4s-%.2s-%s", day, day + 4, day + 6) : g_strdup(day);
        query_row_add(whole, field->name, text);
    }
    api_show(self, whole);
}

int
api_usage(Task *task)
{
    Api api = {
        .task = task,
        .query = { .task = QUERY_USAGE },
        .columns = usage_columns,
        .sums = true,
        .row = task->dry_run ? NULL : show_usage,
    };
    g_autofree char *said = g_strjoinv(" ", task->args);
    const char *text = *said ? said : "this month";
    Period month;

    if (!dates_month(text, clock_now(), &month)) {
        complain("'%s' is no month: say 2026-11, 'this month' or 'last month'", text);
        return EX_USAGE;
    }
    task->args += g_strv_length(task->args);
    api.query.since_ms = month.since_ms;
    api.query.until_ms = month.until_ms;
    return api_run(&api);
}
