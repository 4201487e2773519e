#include "query/row.h"

#include "query/time.h"

static const struct {
    QueryEventKind kind;
    const char *name;
} events[] = {
    { QUERY_EVENT_PENDING, "pending" },       { QUERY_EVENT_DELIVERED, "delivered" }, { QUERY_EVENT_SOFT, "soft" },
    { QUERY_EVENT_BOUNCED, "bounced" },       { QUERY_EVENT_UNSUBSCRIBED, "unsubscribed" },
};

static void
field_clear(gpointer data)
{
    QueryField *field = data;

    g_free(field->name);
    g_free(field->value);
}

QueryRow *
query_row_new(void)
{
    QueryRow *self = g_new0(QueryRow, 1);

    self->fields = g_array_new(FALSE, FALSE, sizeof(QueryField));
    g_array_set_clear_func(self->fields, field_clear);
    return self;
}

void
query_row_free(QueryRow *self)
{
    if (!self)
        return;
    g_array_unref(self->fields);
    g_free(self);
}

static QueryField *
find(const QueryRow *self, const char *name)
{
    for (guint i = 0; i < self->fields->len; i++) {
        QueryField *field = &g_array_index(self->fields, QueryField, i);
        if (g_str_equal(field->name, name))
            return field;
    }
    return NULL;
}

const char *
query_row_get(const QueryRow *self, const char *name)
{
    const QueryField *field = find(self, name);

    return field ? field->value : NULL;
}

void
query_row_add(QueryRow *self, const char *name, const char *value)
{
    QueryField field = { .name = g_strdup(name), .value = g_strdup(value) };

    g_array_append_val(self->fields, field);
}

void
query_row_set(QueryRow *self, const char *name, const char *value)
{
    QueryField *field = find(self, name);

    if (!field) {
        query_row_add(self, name, value);
        return;
    }
    char *copy = g_strdup(value); /* it may be the field's own */
    g_free(field->value);
    field->value = copy;
}

const char *
query_event_name(QueryEventKind kind)
{
    for (guint i = 0; i < G_N_ELEMENTS(events); i++) {
        if (events[i].kind == kind)
            return events[i].name;
    }
    return NULL;
}

bool
query_row_event(const QueryRow *self, QueryEvent *event)
{
    const char *name = query_row_get(self, QUERY_FIELD_EVENT);
    const char *time = query_row_get(self, QUERY_FIELD_TIME);

    *event = (QueryEvent) {
        .address = query_row_get(self, QUERY_FIELD_ADDRESS),
        .sender = query_row_get(self, QUERY_FIELD_SENDER),
        .id = query_row_get(self, QUERY_FIELD_ID),
        .request_id = query_row_get(self, QUERY_FIELD_REQUEST_ID),
        .message_id = query_row_get(self, QUERY_FIELD_MESSAGE_ID),
        .tag = query_row_get(self, QUERY_FIELD_TAG),
        .code = query_row_get(self, QUERY_FIELD_CODE),
        .reason = query_row_get(self, QUERY_FIELD_REASON),
    };
    for (guint i = 0; name && i < G_N_ELEMENTS(events); i++) {
        if (g_str_equal(events[i].name, name))
            event->kind = events[i].kind;
    }
    if (time && !query_time_parse(time, &event->when_ms))
        event->when_ms = 0;
    return event->kind != QUERY_EVENT_NONE && event->address && *event->address;
}
