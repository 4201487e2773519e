/* shimta trace: the life of a mail, from the journal, and its present state in the queue. */
#include "shimta/shimta.h"

#include "base/conf.h"
#include "base/id.h"
#include "shimta/output.h"
#include "shimta/past.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

typedef struct {
    char *name;
} ProviderName;

/* Shows its lines. */
typedef struct {
    const Task *task;
    GHashTable *accounts; /* names of accounts whose API is told a request_id */
} Trace;

/* The accounts of Arara, which knows a call by an id of its own making. */
static GHashTable *
accounts_with_request_ids(const Task *task)
{
    static const ConfKey keys[] = {
        CONF_KEY(ProviderName, name, "provider", CONF_STRING, NULL, .required = true),
        { 0 },
    };
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(ConfFile) file = conf_open(task->config, NULL);
    g_auto(GStrv) accounts = file ? conf_names(file, "account") : NULL;

    for (guint i = 0; accounts && accounts[i]; i++) {
        ProviderName provider = { NULL };
        if (conf_read(file, "account", accounts[i], keys, &provider, NULL) && g_strcmp0(provider.name, "arara") == 0)
            g_hash_table_add(names, g_strdup(accounts[i]));
        conf_clear(keys, &provider);
    }
    return names;
}

/* With the request_id, which the journal has as the call's key. Caller deletes. */
static cJSON *
with_request_id(const Trace *trace, const cJSON *row)
{
    const char *call = json_string(row, "call"), *account = json_string(row, "account");
    cJSON *whole = cJSON_Duplicate(row, true);
    g_autofree char *id = call ? id_of_call(call) : NULL;

    if (id && account && g_hash_table_contains(trace->accounts, account))
        cJSON_AddStringToObject(whole, "request_id", id);
    return whole;
}

static void
print_line(const cJSON *line, void *user)
{
    static const char *const keys[] = { "recipient", "sender", "message_id", "remote_id", "account", "call",
                                        "request_id", "dsn", "text" };
    const Trace *trace = user;
    const Task *task = trace->task;
    g_autoptr(cJSON) row = with_request_id(trace, line);

    if (task->json) {
        output_json(row);
        return;
    }
    g_autofree char *time = output_time(output_number(row, "at_ms")), *event = output_string(row, "event");
    printf("    %s.%03d  %-10s", time, (int) (output_number(row, "at_ms") % 1000), event);
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *value = output_string(row, keys[i]);
        if (json_string(row, keys[i]))
            printf(" %s=%s", keys[i], value);
    }
    putchar('\n');
}

static void
print_mail(const Task *task, const char *id)
{
    g_autofree char *clean = output_clean(id);

    if (!task->json)
        printf("%s\n", clean);
}

/* The first row is the entry, others are its recipients. */
static void
print_state(const cJSON *row, void *user)
{
    const Task *task = user;
    g_autofree char *state = output_string(row, "state"), *time = output_time(output_number(row, "due_ms"));
    g_autofree char *held = output_string(row, "held");
    g_autoptr(cJSON) now = cJSON_CreateObject();

    if (json_string(row, "recipient"))
        return;
    if (task->json) {
        cJSON_AddStringToObject(now, "id", json_string(row, "id"));
        cJSON_AddStringToObject(now, "state", state);
        cJSON_AddNumberToObject(now, "due_ms", (double) output_number(row, "due_ms"));
        output_json(now);
    } else if (strcmp(state, "waiting") == 0) {
        printf("    now in the queue, next try %s\n", time);
    } else {
        printf("    now in the queue: %s %s\n", state, json_string(row, "held") ? held : "");
    }
}

/* That it is not there any more is no trouble. */
static void
print_present(const Task *task, Link *link, const char *id)
{
    LinkReader reader = { print_state, (void *) task };
    g_autoptr(cJSON) request = request_new("show");

    cJSON_AddStringToObject(request, "id", id);
    cJSON_Delete(link_ask(link, request, &reader, NULL));
}

static int
print_mails(const Trace *trace, Past *past, GError **error)
{
    const Task *task = trace->task;
    LinkReader reader = { print_line, (void *) trace };
    bool more = false, done = true;
    g_autoptr(GPtrArray) ids = past_mails(past, task->args[0], task->limit, &more, error);

    for (guint i = ids ? ids->len : 0; i > 0 && done; i--) {
        print_mail(task, ids->pdata[i - 1]);
        done = past_lines(past, ids->pdata[i - 1], &reader, error);
        if (done && past_link(past))
            print_present(task, past_link(past), ids->pdata[i - 1]);
    }
    if (!ids || !done)
        return past_link(past) ? EX_TEMPFAIL : EX_IOERR;
    if (ids->len == 0)
        complain("nothing is known of '%s'", task->args[0]);
    else if (more)
        complain("there are earlier mails too; say --limit, at most 200");
    return ids->len > 0 ? EX_OK : 1;
}

int
trace_print(Task *task)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *why = NULL;
    PastSource source;
    int status;
    g_autoptr(Past) past = past_open(&task->conf, &source, &why, &status, &error);

    if (past && source == PAST_LEFT)
        complain("shimtad is not running (%s); this is what it has left", why);
    else if (past && source == PAST_BEHIND)
        complain("shimtad is running, but does not answer (%s); this is from its journal, which may lack the last seconds",
                 why);
    if (past) {
        g_autoptr(GHashTable) accounts = accounts_with_request_ids(task);
        Trace trace = { task, accounts };
        status = print_mails(&trace, past, &error);
    } else if (status == EX_TEMPFAIL && !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES)) {
        g_prefix_error(&error, "no shimtad answers (%s), and ", why);
    }
    if (error)
        complain("%s", error->message);
    return status;
}
