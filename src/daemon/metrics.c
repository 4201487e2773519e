#include "daemon/metrics.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/figures.h"
#include "daemon/gate.h"
#include "daemon/list_figures.h"
#include "daemon/process_figures.h"
#include "daemon/site.h"
#include "feedback/figures.h"
#include "io/worker.h"
#include "relay/figures.h"

#include <string.h>

#define TEXT "text/plain; charset=utf-8"
#define EXPOSITION "text/plain; version=0.0.4; charset=utf-8"

enum { PATIENCE_MS = 20000, MAX_CONNECTIONS = 32 };

struct Metrics {
    const IngressHub *hub;
    Journal *journal;
    Site *site;
    bool draining;
    gint64 started_ms;
};

/* One question. What it needs it has of its own: the answer may come when there are no Metrics any more. */
typedef struct {
    WebRequest *request;
    uv_loop_t *loop;
    Journal *journal;
    char *folder; /* of feedback.db */
    GString *text;
    bool health;
    guint problems;
    bool has_queue;
    StoreStats queue;
    JournalStats lines;
    gint64 now_ms;
} Question;

/* --- health -------------------------------------------------------------------------------------- */

static void
complain(Question *self, const char *what, const char *why)
{
    self->problems++;
    g_string_append_printf(self->text, "%s: %s\n", what, why);
}

static void
check_account(const Provider *account, const ThrottleStats *stats, void *user)
{
    g_autofree char *what = g_strdup_printf("account %s", account->name);

    if (stats->why)
        complain(user, what, stats->why);
}

static void
answer_health(Question *self)
{
    if (self->problems == 0)
        g_string_append(self->text, "ok\n");
    web_answer(self->request, self->problems ? 503 : 200, TEXT, g_steal_pointer(&self->text));
}

/* --- figures ------------------------------------------------------------------------------------- */

static void
print_all(Meter *const *meters, GString *out)
{
    for (; *meters; meters++)
        meter_print(*meters, out);
}

static void
print_paused(const Provider *account, const ThrottleStats *stats, void *user)
{
    meter_print_value("shimta_account_paused", "account", account->name, stats->why ? 1 : 0, user);
}

static void
print_pauses(const Provider *account, const ThrottleStats *stats, void *user)
{
    meter_print_value("shimta_account_pauses_total", "account", account->name, (double) stats->pauses, user);
}

static void
print_calls(const Provider *account, const ThrottleStats *stats, void *user)
{
    meter_print_value("shimta_account_calls", "account", account->name, stats->calls, user);
}

static void
print_line(const Provider *account, const ThrottleStats *stats, void *user)
{
    meter_print_value("shimta_account_waiting", "account", account->name, stats->waiting, user);
}

static void
print_one(const char *name, const char *help, double n, GString *out)
{
    meter_print_head(name, help, METER_GAUGE, out);
    meter_print_value(name, NULL, NULL, n, out);
}

static void
print_accounts(Relay *relay, GString *out)
{
    meter_print_head("shimta_account_paused", "1: its calls do not work for the moment", METER_GAUGE, out);
    relay_accounts(relay, print_paused, out);
    meter_print_head("shimta_account_pauses_total", "Pauses of the account", METER_COUNTER, out);
    relay_accounts(relay, print_pauses, out);
    meter_print_head("shimta_account_calls", "Calls on their way", METER_GAUGE, out);
    relay_accounts(relay, print_calls, out);
    meter_print_head("shimta_account_waiting", "Calls that wait for a place", METER_GAUGE, out);
    relay_accounts(relay, print_line, out);
    print_one("shimta_in_hand", "Mails on their way", relay_size(relay), out);
    if (relay_store(relay))
        print_one("shimta_storage_waiting", "Tasks for the storage thread that are not done",
                  store_thread_size(relay_store(relay)), out);
}

static void
print_queue(const Question *self)
{
    const StoreStats *queue = &self->queue;
    guint64 waiting = queue->entries - MIN(queue->entries, queue->held + queue->leased);
    gint64 age_ms = queue->oldest_ms > 0 ? MAX(0, self->now_ms - queue->oldest_ms) : 0;

    meter_print_head("shimta_queue_entries", "Mails in the queue", METER_GAUGE, self->text);
    meter_print_value("shimta_queue_entries", "state", "waiting", (double) waiting, self->text);
    meter_print_value("shimta_queue_entries", "state", "active", (double) queue->leased, self->text);
    meter_print_value("shimta_queue_entries", "state", "held", (double) queue->held, self->text);
    print_one("shimta_queue_due", "Those that could be tried at this moment", (double) queue->due, self->text);
    print_one("shimta_queue_bytes", "Bytes of mail in the queue", (double) queue->bytes, self->text);
    print_one("shimta_queue_oldest_seconds", "Age of the oldest mail in the queue; 0: it is empty",
              (double) age_ms / 1000, self->text);
}

static void
answer_figures(Question *self)
{
    if (self->has_queue)
        print_queue(self);
    if (self->lines.bytes > 0)
        print_one("shimta_journal_bytes", "Size of the journal", (double) self->lines.bytes, self->text);
    web_answer(self->request, 200, EXPOSITION, g_steal_pointer(&self->text));
}

/* --- one question -------------------------------------------------------------------------------- */

static void
question_answer(Question *self)
{
    if (self->health)
        answer_health(self);
    else
        answer_figures(self);
    g_free(self->folder);
    g_free(self);
}

static void
run_list(void *user)
{
    Question *self = user;

    list_figures(self->folder, self->now_ms, self->text);
}

static void
done_list(void *user)
{
    question_answer(user);
}

static void
question_ask_list(Question *self)
{
    static const WorkOps counting = { run_list, done_list, NULL };

    if (!self->health && web_is_wanted(self->request))
        work_start(self->loop, &counting, self);
    else
        question_answer(self);
}

static bool
run_journal(JournalStore *store, void *user, GError **error)
{
    Question *self = user;

    return journal_store_stats(store, &self->lines, error);
}

static void
done_journal(void *user, const GError *error)
{
    question_ask_list(user);
}

static void
question_ask_journal(Question *self)
{
    static const JournalTask task = { run_journal, done_journal };

    if (self->journal && !self->health && web_is_wanted(self->request))
        journal_do(self->journal, &task, self);
    else
        question_ask_list(self);
}

/* Health asks for room, too: a queue that can only be read keeps no mail. */
static bool
run_store(Store *store, void *user, GError **error)
{
    Question *self = user;

    if (self->health)
        return store_has_room(store, error);
    return store_stats(store, self->now_ms, &self->queue, error);
}

static void
done_store(void *user, const GError *error)
{
    Question *self = user;

    self->has_queue = !error;
    if (error && self->health)
        complain(self, "queue", error->message);
    question_ask_journal(self);
}

static void
start_figures(const Metrics *self, Question *question)
{
    print_all(daemon_figures, question->text);
    print_all(relay_figures, question->text);
    print_all(feedback_figures, question->text);
    print_accounts(self->hub->relay, question->text);
    process_figures(self->started_ms, question->text);
}

static void
start_health(const Metrics *self, Question *question)
{
    if (self->draining)
        complain(question, "daemon", "it is shutting down");
    relay_accounts(self->hub->relay, check_account, question);
}

static void
on_asked(WebRequest *request, void *user)
{
    static const StoreTask task = { run_store, done_store };
    Metrics *self = user;
    const char *path = web_path(request);
    bool health = strcmp(path, "/health") == 0;

    if (!health && strcmp(path, "/metrics") != 0) {
        web_answer(request, 404, TEXT, g_string_new("/metrics or /health\n"));
        return;
    }
    Question *question = g_new0(Question, 1);
    question->request = request;
    question->loop = self->hub->loop;
    question->folder = g_strdup(self->hub->settings->conf.state_dir);
    question->journal = self->journal;
    question->text = g_string_new(NULL);
    question->health = health;
    question->now_ms = clock_now();
    if (health)
        start_health(self, question);
    else
        start_figures(self, question);
    StoreThread *store = relay_store(self->hub->relay);
    if (store)
        store_thread_do(store, &task, question);
    else
        question_ask_journal(question);
}

/* --- the server ---------------------------------------------------------------------------------- */

static bool
may_enter(const Endpoint *peer, void *user)
{
    const Metrics *self = user;

    return endpoint_is_unix(peer) || gate_is_in(self->hub->settings->metrics.networks, peer);
}

Metrics *
metrics_new(const IngressHub *hub, Journal *journal)
{
    Metrics *self = g_new0(Metrics, 1);
    const WebConf conf = {
        .name = "metrics",
        .address = hub->settings->metrics.conf.address,
        .mode = hub->settings->metrics.conf.mode,
        .methods = "GET, HEAD",
        .max_connections = MAX_CONNECTIONS,
        .patience_ms = PATIENCE_MS,
        .may_enter = may_enter,
        .asked = on_asked,
        .user = self,
    };

    self->hub = hub;
    self->journal = journal;
    self->started_ms = clock_now();
    self->site = site_new(hub->loop, &conf);
    return self;
}

bool
metrics_prepare(Metrics *self, const Settings *settings, GError **error)
{
    return site_prepare(self->site, settings->metrics.conf.address, settings->metrics.conf.mode, error);
}

void
metrics_settle(Metrics *self, bool taken)
{
    site_settle(self->site, taken);
}

void
metrics_drain(Metrics *self)
{
    if (self)
        self->draining = true;
}

void
metrics_close(Metrics *self)
{
    if (!self)
        return;
    site_close(self->site);
    g_free(self);
}
