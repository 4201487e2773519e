#include "query/driver.h"

#include "base/clock.h"
#include "http/url.h"
#include "query/arara.h"
#include "query/arara_v1.h"
#include "query/blastmail.h"
#include "query/cmc.h"
#include "query/time.h"

#include <string.h>

enum { QUERY_MAX_DAYS = 3660 };

const QueryDriver *const query_drivers[] = {
    &query_arara, &query_arara_v1, &query_blastmail, &query_cmc, NULL,
};

/* Read by the account's own table, too, where mail goes through it. */
static const ConfKey account_keys[] = {
    CONF_KEY(QueryAccount, driver_name, "provider", CONF_STRING, NULL, .required = true),
    CONF_KEY(QueryAccount, url, "url", CONF_STRING, NULL, .required = true),
    CONF_KEY(QueryAccount, allow_http, "allow-http", CONF_BOOL, "no"),
    { 0 },
};

static const char *const task_names[QUERY_TASKS] = {
    [QUERY_STATUS] = "status",
    [QUERY_RESULTS] = "results",
    [QUERY_BOUNCES] = "bounces",
    [QUERY_CANCEL] = "cancel",
    [QUERY_FILTER_SHOW] = "suppressions show",
    [QUERY_FILTER_SET] = "suppressions set",
    [QUERY_DOMAIN_LIST] = "domains list",
    [QUERY_DOMAIN_ADD] = "domains add",
    [QUERY_DOMAIN_UPDATE] = "domains update",
    [QUERY_DOMAIN_REMOVE] = "domains remove",
    [QUERY_PLAN] = "plan",
    [QUERY_USAGE] = "usage",
    [QUERY_UNSUB_LIST] = "unsubscribes list",
    [QUERY_UNSUB_OWN_LIST] = "unsubscribes list --own-url",
    [QUERY_UNSUB_ENABLE] = "unsubscribes enable",
    [QUERY_UNSUB_LIFT] = "unsubscribes exclude",
    [QUERY_HISTORY_SEARCH] = "history search",
    [QUERY_HISTORY_SHOW] = "history show",
    [QUERY_HISTORY_EXPORT] = "history export",
    [QUERY_HISTORY_OPENS] = "history opens",
    [QUERY_HISTORY_DELETE] = "history delete",
    [QUERY_DIRECT] = "call",
};

static const struct {
    unsigned bit;
    const char *name;
} needs[] = {
    { QUERY_HAS_IDS, "an id" },           { QUERY_HAS_REQUEST_IDS, "a request id" },
    { QUERY_HAS_ADDRESSES, "an address" }, { QUERY_HAS_SENDER, "a sender's address" },
    { QUERY_HAS_PERIOD, "a period" },     { QUERY_HAS_DOMAIN, "a domain" },
    { QUERY_HAS_SELECTOR, "a selector" }, { QUERY_HAS_SETTING, "a setting to change" },
};

static const QueryDriver *
driver_find(const char *name)
{
    for (guint i = 0; query_drivers[i]; i++) {
        if (g_str_equal(query_drivers[i]->name, name))
            return query_drivers[i];
    }
    return NULL;
}

bool
query_knows(const char *driver_name)
{
    return driver_find(driver_name) != NULL;
}

bool
query_only(const char *driver_name)
{
    const QueryDriver *driver = driver_find(driver_name);

    return driver && driver->only;
}

QueryAccount *
query_account_open(ConfFile *file, const char *name, GError **error)
{
    g_autoptr(QueryAccount) self = g_new0(QueryAccount, 1);

    self->name = g_strdup(name);
    if (!conf_read(file, "account", name, account_keys, self, error))
        return NULL;
    self->driver = driver_find(self->driver_name);
    if (!self->driver) {
        conf_fail(file, "account", name, "provider", error, "no provider '%s'", self->driver_name);
        return NULL;
    }
    const char *fault = http_url_fault(self->url, self->allow_http);
    if (fault) {
        conf_fail(file, "account", name, "url", error, "the URL %s", fault);
        return NULL;
    }
    while (g_str_has_suffix(self->url, "/"))
        self->url[strlen(self->url) - 1] = '\0';
    self->conf = g_malloc0(MAX(self->driver->conf_size, 1));
    if (self->driver->shared && !conf_read(file, "account", name, self->driver->shared, self->conf, error))
        return NULL;
    if (!conf_read(file, "account", name, self->driver->keys, self->conf, error))
        return NULL;
    if (self->driver->prepare && !self->driver->prepare(self, file, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
query_account_free(QueryAccount *self)
{
    if (!self)
        return;
    if (self->conf && self->driver->shared)
        conf_clear(self->driver->shared, self->conf);
    if (self->conf)
        conf_clear(self->driver->keys, self->conf);
    conf_clear(account_keys, self);
    g_free(self->conf);
    secret_free(self->key);
    secret_free(self->password);
    g_free(self->name);
    g_free(self);
}

void
query_account_print(const QueryAccount *self, GString *out)
{
    if (self->driver->only) {
        g_string_append_printf(out, "[account %s]\n", self->name);
        conf_print(account_keys, self, out);
    }
    conf_print(self->driver->keys, self->conf, out);
}

const QueryCall *
query_find_call(const QueryDriver *driver, QueryTask task)
{
    if (task == QUERY_DIRECT)
        return driver->direct_call;
    for (const QueryCall *call = driver->calls; call->build; call++) {
        if (call->task == task)
            return call;
    }
    return NULL;
}

bool
query_can(const QueryAccount *account, QueryTask task)
{
    return query_find_call(account->driver, task) != NULL;
}

bool
query_changes(const QueryAccount *account, QueryTask task)
{
    const QueryCall *call = query_find_call(account->driver, task);

    return call && call->flags & (QUERY_CALL_CHANGES | QUERY_CALL_FINAL);
}

bool
query_takes_hours(const QueryAccount *account, QueryTask task)
{
    const QueryCall *call = query_find_call(account->driver, task);

    return call && !(call->flags & QUERY_CALL_DAYS);
}

const char *
query_task_name(QueryTask task)
{
    return task_names[task];
}

static unsigned
what_it_has(const Query *query)
{
    unsigned has = 0;

    has |= query->ids && query->ids[0] ? QUERY_HAS_IDS : 0;
    has |= query->request_ids && query->request_ids[0] ? QUERY_HAS_REQUEST_IDS : 0;
    has |= query->addresses && query->addresses[0] ? QUERY_HAS_ADDRESSES : 0;
    has |= query->sender && *query->sender ? QUERY_HAS_SENDER : 0;
    has |= query->until_ms > query->since_ms ? QUERY_HAS_PERIOD : 0;
    has |= query->domain && *query->domain ? QUERY_HAS_DOMAIN : 0;
    has |= query->selector && *query->selector ? QUERY_HAS_SELECTOR : 0;
    has |= query->start_date || query->is_default || query->enabled ? QUERY_HAS_SETTING : 0;
    return has;
}

static char *
names_of(unsigned bits, const char *between)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (bits & needs[i].bit)
            g_string_append_printf(names, "%s%s", names->len ? between : "", needs[i].name);
    }
    return g_string_free(names, FALSE);
}

bool
query_is_name(const char *text)
{
    return text[strspn(text, " \t\r\n")] != '\0' && !g_str_equal(text, ".") && !g_str_equal(text, "..");
}

static const char *
find_nothing(const Query *query)
{
    const char *const single[] = { query->domain, query->selector, query->sender };
    const char *const *const lists[] = { query->ids, query->request_ids, query->addresses, query->subjects, query->groups };

    for (guint i = 0; i < G_N_ELEMENTS(single); i++) {
        if (single[i] && !query_is_name(single[i]))
            return single[i];
    }
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (guint j = 0; lists[i] && lists[i][j]; j++) {
            if (!query_is_name(lists[i][j]))
                return lists[i][j];
        }
    }
    return NULL;
}

bool
query_lacks(const QueryAccount *account, const Query *query)
{
    const QueryCall *call = query_find_call(account->driver, query->task);
    unsigned has = what_it_has(query);

    return call && (call->needs & ~has || (call->needs_one && !(has & call->needs_one)));
}

bool
query_check(const QueryAccount *account, const Query *query, GError **error)
{
    const QueryCall *call = query_find_call(account->driver, query->task);
    unsigned has = what_it_has(query);

    if (!call) {
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_CANNOT, "the API of account %s has no call for '%s'",
                    account->name, query_task_name(query->task));
        return false;
    }
    unsigned lacks = call->needs & ~has;
    bool has_one = !call->needs_one || has & call->needs_one;
    if (lacks || !has_one) {
        g_autofree char *names = lacks ? names_of(lacks, " and ") : names_of(call->needs_one, " or ");
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE, "'%s' of account %s needs %s",
                    query_task_name(query->task), account->name, names);
        return false;
    }
    const char *nothing = find_nothing(query);
    if (nothing) {
        g_set_error(error, QUERY_ERROR, QUERY_ERROR_USAGE, "'%s' of account %s: '%s' names nothing",
                    query_task_name(query->task), account->name, nothing);
        return false;
    }
    if (has & QUERY_HAS_PERIOD && query_days(query) > QUERY_MAX_DAYS) {
        g_set_error_literal(error, QUERY_ERROR, QUERY_ERROR_USAGE, "the period is too long");
        return false;
    }
    return !call->check || call->check(account, query, error);
}

bool
query_wants_token(const QueryAccount *account)
{
    return account->driver->login != NULL;
}

HttpRequest *
query_login(const QueryAccount *account)
{
    return account->driver->login(account);
}

Secret *
query_token(const QueryAccount *account, const HttpResponse *response, gint64 *lifetime_ms, GError **error)
{
    return account->driver->token(account, response, lifetime_ms, error);
}

HttpRequest *
query_build(const QueryAsk *ask)
{
    return query_find_call(ask->account->driver, ask->query->task)->build(ask);
}

bool
query_next(const QueryAccount *account, const Query *query, QueryCursor *cursor, const QueryPage *page)
{
    const QueryCall *call = query_find_call(account->driver, query->task);

    cursor->again = page->again;
    cursor->head = page->head;
    return call->next && call->next(account, query, cursor, page);
}

static void
add_pair(GString *text, const char *name, const char *value)
{
    g_autofree char *escaped = g_uri_escape_string(value, NULL, false);

    g_string_append_printf(text, "%s=%s", name, escaped);
}

void
query_url_add(GString *url, const char *name, const char *value)
{
    if (!value)
        return;
    g_string_append_c(url, strchr(url->str, '?') ? '&' : '?');
    add_pair(url, name, value);
}

void
query_form_add(GString *form, const char *name, const char *value)
{
    if (!value)
        return;
    if (form->len > 0)
        g_string_append_c(form, '&');
    add_pair(form, name, value);
}

GString *
query_url(const QueryAccount *account, const char *path)
{
    GString *url = g_string_new(account->url);

    g_string_append(url, path);
    return url;
}

bool
query_path_check(const QueryAccount *account, const ConfFile *file, const char *key, const char *path, GError **error)
{
    g_autoptr(GString) url = query_url(account, path);

    if (*path != '/' || g_str_has_suffix(path, "/") || http_url_fault(url->str, account->allow_http))
        return conf_fail(file, "account", account->name, key, error, "'%s' is not a path such as /send", path);
    return true;
}

gint64
query_tomorrow(void)
{
    return query_time_day(clock_now()) + QUERY_DAY_MS;
}

guint
query_days(const Query *query)
{
    gint64 first = query_time_day(query->since_ms);
    gint64 until = MIN(query->until_ms, query_tomorrow());
    gint64 last = query_time_day(MAX(until - 1, query->since_ms));

    return (guint) MIN((last - first) / QUERY_DAY_MS + 1, G_MAXINT);
}

gint64
query_day(const Query *query, guint i)
{
    return query_time_day(query->since_ms) + i * QUERY_DAY_MS;
}
