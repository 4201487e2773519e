/* What an id of any kind that a mail is known by means to an API: the journal knows the account, the API's id, the
 * tag and the day. */
#include "shimta/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "query/driver.h"
#include "query/time.h"
#include "shimta/ask_api.h"
#include "shimta/past.h"

#include <string.h>
#include <sysexits.h>

enum { MAX_MAILS = 20, DAYS = 2 };

/* What mails became at one API. */
typedef struct {
    char *account, *remote_id, *call, *recipient; /* recipient NULL: there are several */
    gint64 at_ms;
} Handed;

typedef struct {
    GPtrArray *handed;
    guint first;      /* of the last mail */
    GHashTable *seen; /* queue ids of mails */
    bool known;       /* the last word */
} Finding;

static void
handed_free(Handed *self)
{
    g_free(self->account);
    g_free(self->remote_id);
    g_free(self->call);
    g_free(self->recipient);
    g_free(self);
}

/* Each call once. */
static void
on_line(const cJSON *line, void *user)
{
    Finding *self = user;
    const char *account = json_string(line, "account"), *call = json_string(line, "call");
    const char *remote_id = json_string(line, "remote_id"), *recipient = json_string(line, "recipient");

    if (!account || !(call || remote_id))
        return;
    for (guint i = self->first; i < self->handed->len; i++) {
        Handed *one = self->handed->pdata[i];
        bool same = strcmp(one->account, account) == 0 && g_strcmp0(one->call, call) == 0 &&
                    (!remote_id || !one->remote_id || strcmp(one->remote_id, remote_id) == 0);
        if (!same)
            continue;
        if (g_strcmp0(one->recipient, recipient) != 0)
            g_clear_pointer(&one->recipient, g_free);
        if (!one->remote_id)
            one->remote_id = g_strdup(remote_id);
        return;
    }
    Handed *one = g_new0(Handed, 1);
    *one = (Handed) { g_strdup(account), g_strdup(remote_id), g_strdup(call), g_strdup(recipient), 0 };
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(line, "at_ms");
    one->at_ms = cJSON_IsNumber(at) ? (gint64) at->valuedouble : clock_now();
    g_ptr_array_add(self->handed, one);
}

static bool
look_up(Finding *self, Past *past, const char *word)
{
    LinkReader reader = { on_line, self };
    bool more = false;
    g_autoptr(GPtrArray) mails = past_mails(past, word, MAX_MAILS, &more, NULL);

    self->known = mails && mails->len > 0;
    for (guint i = 0; mails && i < mails->len; i++) {
        self->first = self->handed->len;
        if (g_hash_table_add(self->seen, g_strdup(mails->pdata[i])))
            past_lines(past, mails->pdata[i], &reader, NULL);
    }
    if (more)
        complain("'%s' belongs to more mails: these are the latest %d", word, MAX_MAILS);
    return self->known;
}

/* --- what is asked ------------------------------------------------------------------------------- */

static const QueryAccount *
account_named(const Api *self, const char *name)
{
    const GPtrArray *all = self->settings->relay->queries;

    for (guint i = 0; i < all->len; i++) {
        if (strcmp(((const QueryAccount *) all->pdata[i])->name, name) == 0)
            return all->pdata[i];
    }
    return NULL;
}

static char *
without_brackets(const char *id)
{
    gsize n = strlen(id);
    bool inside = n > 1 && id[0] == '<' && id[n - 1] == '>';

    return inside ? g_strndup(id + 1, n - 2) : g_strdup(id);
}

/* The ask of the account for ids. */
static ApiAsk *
ask_by_ids(Api *self, const QueryAccount *account, const Query *query)
{
    for (guint i = 0; i < self->asks->len; i++) {
        ApiAsk *one = self->asks->pdata[i];
        if (one->account == account && !one->only)
            return one;
    }
    ApiAsk *ask = api_ask_new(account, query);
    ask->query.ids = ask->query.request_ids = NULL;
    g_ptr_array_add(self->asks, ask);
    return ask;
}

/* One more string in a list of the ask's, which it takes. Valid until the next one. */
static const char *const *
append(GPtrArray **list, char *text)
{
    if (!*list)
        *list = g_ptr_array_new_with_free_func(g_free);
    else
        g_ptr_array_set_size(*list, (int) (*list)->len - 1);
    g_ptr_array_add(*list, text);
    g_ptr_array_add(*list, NULL);
    return (const char *const *) (*list)->pdata;
}

/* The ask of the account for the days from since_ms on. */
static ApiAsk *
ask_by_days(const Api *self, const QueryAccount *account, gint64 since_ms)
{
    for (guint i = 0; i < self->asks->len; i++) {
        ApiAsk *one = self->asks->pdata[i];
        if (one->account == account && one->only && one->query.since_ms == since_ms)
            return one;
    }
    return NULL;
}

/* One mail is looked for by its recipient where he is the only one, else by its tag, if it has not one of its own. */
static void
narrow(ApiAsk *ask, const Handed *one)
{
    if (ask->query.addresses || ask->query.tag)
        return;
    if (one->recipient) {
        ask->query.addresses = append(&ask->ids, g_strdup(one->recipient));
    } else if (one->call) {
        ask->query.tag = *append(&ask->ids, g_strdup(one->call));
        ask->guesses = true;
    }
}

/* By the days it can have been told of, with the other mails of those: such lists are asked for sparingly. What else is on
 * them is left out when it comes. What comes later than the day after is not looked for. */
static void
add_days(Api *self, const QueryAccount *account, Query query, const Handed *one)
{
    gint64 first = query_time_day(one->at_ms), end = query_time_day(clock_now()) + QUERY_DAY_MS;
    ApiAsk *ask = ask_by_days(self, account, first);

    if (!ask) {
        ask = api_ask_new(account, &query);
        ask->only = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        ask->query.ids = ask->query.request_ids = NULL;
        ask->query.since_ms = first;
        ask->query.until_ms = MIN(first + DAYS * QUERY_DAY_MS, MAX(end, first + QUERY_DAY_MS));
        narrow(ask, one);
        g_ptr_array_add(self->asks, ask);
    } else {
        ask->query.addresses = query.addresses;
        ask->query.tag = query.tag;
        ask->guesses = false;
    }
    if (one->remote_id)
        g_hash_table_add(ask->only, without_brackets(one->remote_id));
    if (one->call)
        g_hash_table_add(ask->only, g_strdup(one->call));
}

static void
add_ask(Api *self, const Handed *one)
{
    const QueryAccount *account = account_named(self, one->account);

    if (self->task->account && strcmp(self->task->account, one->account) != 0) {
        complain("that mail went through account %s", one->account);
        api_note(self, 1);
        return;
    }
    if (!account) {
        complain("that mail went through account %s, which cannot be asked (any more)", one->account);
        api_note(self, EX_UNAVAILABLE);
        return;
    }
    Query query = api_query(self, account);
    if (!query_can(account, query.task)) /* where it is known of recipients only, that says how far the mail is */
        query.task = QUERY_RESULTS;
    const QueryCall *call = query_find_call(account->driver, query.task);
    if (call && !((call->needs | call->needs_one) & QUERY_HAS_IDS)) {
        add_days(self, account, query, one);
        return;
    }
    if (!call) {
        complain("that mail went through account %s, whose API has no call for '%s'", account->name,
                 query_task_name(self->query.task));
        api_note(self, EX_UNAVAILABLE);
        return;
    }
    ApiAsk *ask = ask_by_ids(self, account, &query);
    if (one->remote_id)
        ask->query.ids = append(&ask->ids, g_strdup(one->remote_id));
    else
        ask->query.request_ids = append(&ask->request_ids, id_of_call(one->call));
}

/* --- words --------------------------------------------------------------------------------------- */

bool
api_find_is_of_mail(const char *word)
{
    return strchr(word, '@') || id_bare(word) != word;
}

/* Those of the words that the journal does not know, ending with NULL; NULL: none. */
static const char *const *
find_each(Api *self, Past *past, Finding *finding, const char *const *list, const char *missing)
{
    guint n = 0, all = list ? g_strv_length((char **) list) : 0;
    const char **rest = g_new0(const char *, all + 1);

    for (guint i = 0; i < all; i++) {
        bool known = past && look_up(finding, past, list[i]);
        if (!known && api_find_is_of_mail(list[i])) {
            complain("nothing is known of '%s' here%s%s", list[i], missing ? ": " : "", missing ? missing : "");
            api_note(self, 1);
        } else if (!known) {
            rest[n++] = list[i];
        }
    }
    g_ptr_array_add(self->held, rest); /* which list may be part of, and moves */
    return n > 0 ? rest : NULL;
}

int
api_find(Api *self, bool *rest)
{
    g_autoptr(GPtrArray) handed = g_ptr_array_new_with_free_func((GDestroyNotify) handed_free);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Finding finding = { handed, 0, seen, false };
    g_autofree char *why = NULL;
    g_autoptr(GError) error = NULL;
    PastSource source;
    int status;

    *rest = true;
    if (!self->query.ids && !self->query.request_ids)
        return EX_OK;
    g_autoptr(Past) past = past_open(&self->settings->conf, &source, &why, &status, &error);
    const char *missing = error ? error->message : NULL;
    self->query.ids = find_each(self, past, &finding, self->query.ids, missing);
    self->query.request_ids = find_each(self, past, &finding, self->query.request_ids, missing);
    g_clear_pointer(&past, past_close);
    for (guint i = 0; i < handed->len; i++)
        add_ask(self, handed->pdata[i]);
    *rest = self->query.ids || self->query.request_ids;
    if (!*rest && handed->len == 0 && self->status == EX_OK) {
        complain("that mail has not been handed to an API: see shimta trace");
        api_note(self, 1);
    }
    return EX_OK;
}

/* --- request ids --------------------------------------------------------------------------------- */

typedef struct {
    Api *api;
    ApiAsk *ask;
} Resolving;

static void
on_delivery(const QueryRow *row, void *user)
{
    Resolving *self = user;
    const char *id = query_row_get(row, QUERY_FIELD_ID);

    if (id && *id)
        self->ask->query.ids = append(&self->ask->ids, g_strdup(id));
}

static void
on_miss(const GError *error, void *user)
{
    Resolving *self = user;

    complain("account %s: %s", self->ask->account->name, error->message);
    api_note(self->api, api_exit_status(error));
}

static bool
wants_ids(const ApiAsk *ask)
{
    return ask->query.request_ids && ask->query.task == QUERY_RESULTS && query_can(ask->account, QUERY_STATUS);
}

Query
api_find_first(const ApiAsk *ask)
{
    Query query = { .task = QUERY_STATUS, .request_ids = ask->query.request_ids };

    return wants_ids(ask) ? query : ask->query;
}

bool
api_find_requests(Api *self, ApiAsk *ask)
{
    Query query = api_find_first(ask);
    AskApiQuestion question = { ask->account, &query };
    Resolving resolving = { self, ask };
    AskApiReader reader = { .row = on_delivery, .miss = on_miss, .user = &resolving };
    g_autoptr(GError) error = NULL;
    GPtrArray *own = NULL; /* the ids that are asked for beside them */
    AskApiResult result;

    if (!wants_ids(ask))
        return true;
    for (guint i = 0; !ask->ids && ask->query.ids && ask->query.ids[i]; i++)
        append(&own, g_strdup(ask->query.ids[i]));
    ask->ids = ask->ids ? ask->ids : own;
    if (!ask_api(&self->settings->relay->conf, &question, &reader, &result, &error)) {
        on_miss(error, &resolving);
        return false;
    }
    ask->query.request_ids = NULL;
    if (!ask->query.ids && result.missed == 0) {
        complain("account %s: no delivery has that request id", ask->account->name);
        api_note(self, 1);
    }
    return ask->query.ids != NULL;
}
