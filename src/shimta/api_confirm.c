/* Of a change: whether the answer is about what was asked for. An answer that names things confirms those, and what it
 * says of others confirms nothing; one that names none is about all. */
#include "shimta/api.h"

#include "query/driver.h"

#include <string.h>
#include <sysexits.h>

/* What the rows of an answer name the things by. */
static const struct {
    QueryTask task;
    const char *field;
} namings[] = {
    { QUERY_CANCEL, QUERY_FIELD_ID },
    { QUERY_FILTER_SET, QUERY_FIELD_ADDRESS },
    { QUERY_DOMAIN_ADD, QUERY_FIELD_DOMAIN },
    { QUERY_DOMAIN_UPDATE, QUERY_FIELD_DOMAIN },
    { QUERY_DOMAIN_REMOVE, QUERY_FIELD_DOMAIN },
    { QUERY_UNSUB_ENABLE, QUERY_FIELD_SENDER },
    { QUERY_UNSUB_LIFT, QUERY_FIELD_ADDRESS },
};

static const char *
naming_field(QueryTask task)
{
    for (guint i = 0; i < G_N_ELEMENTS(namings); i++) {
        if (namings[i].task == task)
            return namings[i].field;
    }
    return NULL;
}

/* What was asked for, ending with NULL: the question's list, or the one thing, for which single has room. */
static const char *const *
things_of(const Query *query, const char *single[2])
{
    single[0] = query->domain ? query->domain : query->sender;
    single[1] = NULL;
    return query->ids ? query->ids : query->addresses ? query->addresses : single;
}

/* Domains are the same in either of their forms. */
static bool
is_same(const char *a, const char *b)
{
    g_autofree char *ascii_a = g_hostname_to_ascii(a), *ascii_b = g_hostname_to_ascii(b);
    g_autofree char *folded_a = g_utf8_casefold(ascii_a ? ascii_a : a, -1);
    g_autofree char *folded_b = g_utf8_casefold(ascii_b ? ascii_b : b, -1);

    return strcmp(folded_a, folded_b) == 0;
}

/* A code of HTTP's for failure, or another value than was to be set. */
static bool
says_otherwise(const Query *query, const QueryRow *row)
{
    static const char *const codes[] = { QUERY_FIELD_STATUS, QUERY_FIELD_CODE, "result.code" };
    const char *selector = query_row_get(row, QUERY_FIELD_SELECTOR), *count = query_row_get(row, QUERY_FIELD_COUNT);

    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        const char *code = query_row_get(row, codes[i]);
        if (code && strlen(code) == 3 && strchr("45", *code) && g_ascii_isdigit(code[1]))
            return true;
    }
    if (query->selector && selector && !is_same(query->selector, selector))
        return true;
    return query->task == QUERY_FILTER_SET && count && g_ascii_strtod(count, NULL) != query->count;
}

static bool
is_about(const QueryRow *row, const char *field, const char *thing)
{
    for (guint i = 0; i < row->fields->len; i++) {
        const QueryField *one = &g_array_index(row->fields, QueryField, i);
        if (strcmp(one->name, field) == 0 && is_same(one->value, thing))
            return true;
    }
    return false;
}

bool
api_confirm_row(Api *self, const QueryRow *row)
{
    const Query *query = &self->ask->query;
    const char *field = naming_field(query->task), *name = field ? query_row_get(row, field) : NULL;
    bool confirms = !says_otherwise(query, row), found = false;
    const char *single[2];

    if (!field || (confirms && (!name || !*name)))
        return true;
    self->names = true;
    for (const char *const *thing = things_of(query, single); confirms && *thing; thing++) {
        if (!is_about(row, field, *thing))
            continue;
        g_hash_table_add(self->ask->confirmed, (void *) *thing);
        found = true;
    }
    return found;
}

void
api_confirm_page(Api *self, guint part)
{
    const QueryCall *call = query_find_call(self->ask->account->driver, self->ask->query.task);
    const char *single[2];
    const char *const *things = things_of(&self->ask->query, single);
    guint n = g_strv_length((char **) things), batch = call->next ? MAX(call->batch, 1) : n;

    for (guint i = part * batch; self->names && i < MIN(n, (part + 1) * batch); i++) {
        if (g_hash_table_contains(self->ask->confirmed, things[i]))
            continue;
        complain("account %s: the answer does not say that it was done for '%s': it may have been: look before you repeat it",
                 self->ask->account->name, things[i]);
        api_note(self, EX_PROTOCOL);
    }
}
