/* shimta domains: the domains that an API signs mail for, and their keys. */
#include "shimta/api.h"

#include "base/clock.h"
#include "shimta/dates.h"
#include "shimta/dns_record.h"
#include "shimta/output.h"

#include <sysexits.h>

static const char *const columns[] = {
    "account", QUERY_FIELD_DOMAIN, QUERY_FIELD_SELECTOR, "dns.status", "spf.status", "dkim.status", NULL,
};

/* The arguments are a domain and, where max is 2, a selector. */
static int
run(Task *task, Api *api)
{
    g_autofree char *day = task->start ? dates_day(task->start, clock_now()) : NULL;

    if (task->start && !day) {
        complain("--start: '%s' is no day: say tomorrow or 2026-12-01", task->start);
        return EX_USAGE;
    }
    for (guint i = 0; task->args[i]; i++) {
        if (g_utf8_validate(task->args[i], -1, NULL) && api_is_segment(task->args[i]))
            continue;
        complain("'%s' is no %s", task->args[i], i == 0 ? "domain" : "selector");
        return EX_USAGE;
    }
    api->task = task;
    api->columns = columns;
    if (task->args[0]) {
        api->query.domain = task->args[0];
        task->args++;
    }
    if (task->args[0]) {
        api->query.selector = task->args[0];
        task->args++;
    }
    api->query.start_date = day;
    api->query.is_default = task->is_default;
    api->query.enabled = task->enabled;
    return api_run(api);
}

int
domains_list(Task *task)
{
    Api api = { .query = { .task = QUERY_DOMAIN_LIST } };

    return run(task, &api);
}

/* The key's record is for people a line of its own, below; for programs one more value. */
static void
show_new(Api *self, const QueryRow *row)
{
    g_autofree char *record = dns_record(row, self->query.domain, self->query.selector);
    g_autoptr(QueryRow) whole = query_row_new();

    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *field = &g_array_index(row->fields, QueryField, i);
        query_row_add(whole, field->name, field->value);
    }
    if (!record) {
        complain("there is no key in the answer that could be put into DNS");
    } else if (self->task->json || self->task->csv) {
        query_row_add(whole, "dns_record", record);
    } else {
        g_autofree char *clean = output_clean(record);
        g_string_append_printf(self->below, "\n%s\n", clean);
    }
    api_show(self, whole);
}

int
domains_add(Task *task)
{
    Api api = {
        .query = { .task = QUERY_DOMAIN_ADD, .selector = task->selector, .key_bits = task->key_bits },
        .record = true,
        .row = task->dry_run ? NULL : show_new,
    };

    return run(task, &api);
}

int
domains_update(Task *task)
{
    Api api = { .query = { .task = QUERY_DOMAIN_UPDATE }, .record = true };

    return run(task, &api);
}

int
domains_remove(Task *task)
{
    Api api = { .query = { .task = QUERY_DOMAIN_REMOVE }, .question = "Remove the key" };

    return run(task, &api);
}
