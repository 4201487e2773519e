#include "shimta/api.h"

#include "query/driver.h"

#include <string.h>
#include <sysexits.h>

Query
api_query(const Api *self, const QueryAccount *account)
{
    Query query = self->query;

    if (self->rather != QUERY_STATUS && query_can(account, self->rather))
        query.task = self->rather;
    return query;
}

static bool
can(const Api *self, const QueryAccount *account)
{
    return query_can(account, api_query(self, account).task);
}

/* "main, second" */
static char *
names_of(const GPtrArray *accounts)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < accounts->len; i++) {
        const QueryAccount *account = accounts->pdata[i];
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", account->name);
    }
    return g_string_free(names, FALSE);
}

/* The values of `provider =` whose API has the call. */
static char *
drivers_that_can(const Api *self)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; query_drivers[i]; i++) {
        bool has = query_find_call(query_drivers[i], self->query.task) ||
                   (self->rather != QUERY_STATUS && query_find_call(query_drivers[i], self->rather));
        if (has)
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", query_drivers[i]->name);
    }
    return g_string_free(names, FALSE);
}

static GPtrArray *
who_can(const Api *self)
{
    const GPtrArray *all = self->settings->relay->queries;
    GPtrArray *found = g_ptr_array_new();

    for (guint i = 0; i < all->len; i++) {
        if (can(self, all->pdata[i]))
            g_ptr_array_add(found, all->pdata[i]);
    }
    return found;
}

static int
complain_nobody(const Api *self, const GPtrArray *able)
{
    const char *name = self->task->account, *task = query_task_name(self->query.task);
    g_autofree char *drivers = drivers_that_can(self), *names = names_of(able);

    if (able->len > 0)
        complain("the API of account %s has no call for '%s'; %s can be asked", name, task, names);
    else if (name)
        complain("the API of account %s has no call for '%s', nor has that of another account; an account with "
                 "provider = %s would", name, task, drivers);
    else
        complain("no account's API has a call for '%s'; an account with provider = %s would", task, drivers);
    return EX_UNAVAILABLE;
}

static bool
is_account(const Api *self, const char *name)
{
    const GPtrArray *all = self->settings->relay->queries;

    for (guint i = 0; i < all->len; i++) {
        if (strcmp(((const QueryAccount *) all->pdata[i])->name, name) == 0)
            return true;
    }
    return relay_settings_account(self->settings->relay, name) != NULL;
}

/* Leaves the account that was named. An exit status. */
static int
choose_named(Api *self, GPtrArray *able)
{
    const char *name = self->task->account;

    if (!is_account(self, name)) {
        g_autofree char *names = names_of(self->settings->relay->queries);
        complain("there is no account '%s', but %s", name, *names ? names : "none at all");
        return EX_USAGE;
    }
    for (guint i = 0; i < able->len; i++) {
        const QueryAccount *account = able->pdata[i];
        if (strcmp(account->name, name) == 0)
            g_ptr_array_add(self->accounts, able->pdata[i]);
    }
    return self->accounts->len > 0 ? EX_OK : complain_nobody(self, able);
}

/* Ids are one API's: another that can be asked for days only has nothing to do with them. */
static bool
knows_no_ids(const Api *self, const QueryAccount *account)
{
    Query query = api_query(self, account);
    const QueryCall *call = query_find_call(account->driver, query.task);
    bool takes = (call->needs | call->needs_one) & (QUERY_HAS_IDS | QUERY_HAS_REQUEST_IDS);

    return (query.ids || query.request_ids) && call->needs & QUERY_HAS_PERIOD && !takes;
}

static bool
check(const Api *self, const QueryAccount *account, GError **error)
{
    Query query = api_query(self, account);

    return query_check(account, &query, error);
}

static bool
lacks(const Api *self, const QueryAccount *account)
{
    Query query = api_query(self, account);

    return query_lacks(account, &query);
}

/* Takes off whom the question cannot be put to as it is. Who is not asked for that reason is named, and makes the exit
 * status; but of many accounts some need not know ids, and some want to be told more than others. Somebody must be left. */
static int
keep_those_that_fit(Api *self)
{
    g_autoptr(GPtrArray) all = g_steal_pointer(&self->accounts);
    bool some_know = false;

    self->accounts = g_ptr_array_new();
    for (guint i = 0; i < all->len; i++)
        some_know |= !knows_no_ids(self, all->pdata[i]);
    for (guint i = 0; i < all->len; i++) {
        g_autoptr(GError) error = NULL;
        if (some_know && knows_no_ids(self, all->pdata[i]))
            continue;
        if (check(self, all->pdata[i], &error)) {
            g_ptr_array_add(self->accounts, all->pdata[i]);
            continue;
        }
        complain("%s", error->message);
        if (!lacks(self, all->pdata[i]))
            api_note(self, EX_USAGE);
    }
    return self->accounts->len > 0 ? EX_OK : EX_USAGE;
}

int
api_choose(Api *self)
{
    g_autoptr(GPtrArray) able = who_can(self);

    if (self->task->account) {
        int status = choose_named(self, able);
        return status == EX_OK ? keep_those_that_fit(self) : status;
    }
    if (able->len == 0)
        return complain_nobody(self, able);
    if (able->len > 1 && query_changes(able->pdata[0], self->query.task)) {
        g_autofree char *names = names_of(able);
        complain("which account? Say --account with one of %s", names);
        return EX_USAGE;
    }
    g_ptr_array_extend(self->accounts, able, NULL, NULL);
    return keep_those_that_fit(self);
}
