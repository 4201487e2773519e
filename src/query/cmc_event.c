#include "query/cmc_event.h"

#include "query/cmc.h"
#include "query/form.h"
#include "query/parser.h"

#include <string.h>

static const Query no_query = { 0 };

static bool
fail(GError **error, const char *what, const char *why)
{
    g_set_error(error, QUERY_ERROR, QUERY_ERROR_NONSENSE, "%s: %s", what, why);
    return false;
}

/* Reads all of it; the caller frees the gather, whose rows have gone to sink. */
static Gather *
gather_json(const QueryCall *call, const char *bytes, gsize n, QuerySink sink, void *user, const char **fault)
{
    Gather *gather = gather_new(call, &no_query, true, sink, user);
    void *state = query_json.new(gather);

    *fault = NULL;
    if (!query_json.push(state, bytes, n))
        *fault = gather_fault(gather) ? gather_fault(gather) : "its JSON is broken";
    else if (!query_json.finish(state))
        *fault = gather_fault(gather) ? gather_fault(gather) : "its JSON ends too early";
    query_json.free(state);
    return gather;
}

/* --- the post ------------------------------------------------------------------------------------ */

static bool
is_json(const char *bytes, gsize n)
{
    gsize at = 0;

    while (at < n && g_ascii_isspace(bytes[at]))
        at++;
    return at < n && (bytes[at] == '{' || bytes[at] == '[');
}

static void
ignore_row(const QueryRow *row, void *user)
{
}

static char *
rest_value(const QueryRow *rest, const char *name)
{
    const char *value = query_row_get(rest, name);

    return g_strdup(value ? value : "");
}

/* The rows are looked at once it is known who sends them. */
static bool
read_json(CmcPost *self, GError **error)
{
    static const QueryCall call = { .row = "deliveries bounces blocks" };
    const char *fault;
    g_autoptr(Gather) gather = gather_json(&call, self->body, self->body_length, ignore_row, NULL, &fault);

    if (fault)
        return fail(error, "the body", fault);
    const QueryRow *rest = gather_rest(gather);
    self->type = rest_value(rest, "event_type");
    self->composition = rest_value(rest, "server_composition");
    self->key = rest_value(rest, "api_key");
    self->event = g_strdup(query_row_get(rest, "event"));
    return true;
}

static char *
form_text(const CmcPost *self, const char *type, const char *name)
{
    GString *value = form_value(type, self->body, self->body_length, name);

    return value ? g_string_free(value, FALSE) : NULL;
}

static void
read_form(CmcPost *self, const char *type)
{
    self->type = form_text(self, type, "event_type");
    self->composition = form_text(self, type, "server_composition");
    self->key = form_text(self, type, "api_key");
    self->event = form_text(self, type, "event");
    self->composition = self->composition ? self->composition : g_strdup("");
    self->key = self->key ? self->key : g_strdup("");
    self->event = self->event ? self->event : g_strdup("");
}

CmcPost *
cmc_post_read(const char *content_type, const char *bytes, gsize n, GError **error)
{
    g_autoptr(CmcPost) self = g_new0(CmcPost, 1);

    self->body = bytes;
    self->body_length = n;
    if (!is_json(bytes, n))
        read_form(self, content_type);
    else if (!read_json(self, error))
        return NULL;
    if (self->type && *self->type)
        return g_steal_pointer(&self);
    fail(error, "the body", "there is no event_type in it");
    return NULL;
}

void
cmc_post_free(CmcPost *self)
{
    if (!self)
        return;
    if (self->key)
        explicit_bzero(self->key, strlen(self->key));
    g_free(self->type);
    g_free(self->composition);
    g_free(self->key);
    g_free(self->event);
    g_free(self);
}

bool
cmc_post_is_known(const CmcPost *self)
{
    return cmc_event_call(self->type) != NULL;
}

/* --- its rows ------------------------------------------------------------------------------------ */

/* An object that is a row itself, or nothing that is known. */
static bool
take_whole(Gather *gather, GError **error)
{
    const QueryRow *rest = gather_rest(gather);

    if (!gather_odd(gather) && rest->fields->len == 0)
        return true;
    if (gather_odd(gather) || !(query_row_get(rest, "to") || query_row_get(rest, "envelopeTo")))
        return fail(error, "event", "nothing of what is told is in it");
    gather_whole(gather);
    return true;
}

static bool
read_event(const QueryCall *call, const char *bytes, gsize n, QuerySink sink, void *user, GError **error)
{
    const char *fault;
    g_autoptr(Gather) gather = gather_json(call, bytes, n, sink, user, &fault);

    if (fault)
        return fail(error, "event", fault);
    if (gather_rows(gather) > 0 || (gather_signed(gather) && !gather_odd(gather)))
        return true;
    return take_whole(gather, error);
}

/* "event": {"bounces": [rows]}, or the rows at once. */
static bool
read_body(const CmcPost *self, QueryCall call, QuerySink sink, void *user, GError **error)
{
    const char *fault;
    g_autoptr(Gather) gather = gather_json(&call, self->body, self->body_length, sink, user, &fault);

    if (gather_rows(gather) > 0 || gather_signed(gather))
        return !gather_odd(gather) || gather_rows(gather) > 0 || fail(error, "event", "there are no rows in it");
    call.row = call.signs = "event";
    g_autoptr(Gather) again = gather_json(&call, self->body, self->body_length, sink, user, &fault);
    if (gather_rows(again) > 0 || (gather_signed(again) && !gather_odd(again)))
        return true;
    return fail(error, "event", "it is not there, or has no rows");
}

bool
cmc_post_rows(const CmcPost *self, QuerySink sink, void *user, GError **error)
{
    const QueryCall *call = cmc_event_call(self->type);

    if (!call)
        return true;
    if (!self->event)
        return read_body(self, *call, sink, user, error);
    return read_event(call, self->event, strlen(self->event), sink, user, error);
}
