#include "sandbox/webhook.h"

#include <curl/curl.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/timeline.h"
#include "sandbox/transaction_row.h"

enum { BATCH_ROWS = 100, TIMEOUT_S = 30, FIRST_PAUSE_S = 1, LAST_PAUSE_S = 64 };

struct Webhook {
    const Options *options;
    const Ledger *ledger;
    GMutex lock;                /* of the ledger and of all below */
    GCond changed;
    Timeline *timeline;
    WebhookCounts counts;
    guint64 noticed;            /* number of the newest row when the lock was last let go */
    gint stopping;              /* atomic */
    CURL *curl;                 /* the thread's alone, as is the next */
    char *composition;
    GThread *thread;
};

/* An answer's text is of no use. */
static size_t
on_answer(char *bytes, size_t size, size_t n, void *user)
{
    return size * n;
}

static int
on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    Webhook *self = user;

    return g_atomic_int_get(&self->stopping);
}

static void
put_field(GString *form, const char *name, const char *value)
{
    g_string_append_printf(form, "%s%s=", form->len ? "&" : "", name);
    g_string_append_uri_escaped(form, value, NULL, FALSE);
}

/* The body of one request; takes rows. */
static GString *
make_form(const Webhook *self, const char *type, cJSON *rows)
{
    g_autoptr(cJSON) event = cJSON_CreateObject();
    GString *form = g_string_new(NULL);

    cJSON_AddItemToObject(event, type, rows);
    char *text = cJSON_PrintUnformatted(event);
    put_field(form, "event_type", type);
    put_field(form, "server_composition", self->composition);
    put_field(form, "event", text);
    if (self->options->webhook_key)
        put_field(form, "api_key", self->options->webhook_key);
    cJSON_free(text);
    return form;
}

static void
log_post(const Webhook *self, const char *type, int rows, long status)
{
    g_autofree char *line = g_strdup_printf("webhook type=%s rows=%d result=%ld\n", type, rows, status);

    if (!self->options->quiet && write(STDERR_FILENO, line, strlen(line)) < 0)
        return;                 /* nobody reads it: no reason to stop */
}

/* The answer's status, 0 if there is none. */
static long
post(Webhook *self, const GString *form)
{
    long status = 0;

    curl_easy_setopt(self->curl, CURLOPT_POSTFIELDS, form->str);
    curl_easy_setopt(self->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) form->len);
    if (curl_easy_perform(self->curl) == CURLE_OK)
        curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void
pause_for(Webhook *self, gint64 seconds)
{
    gint64 end_us = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;

    while (!self->stopping && g_cond_wait_until(&self->changed, &self->lock, end_us))
        continue;
}

/* Posts rows, which it takes, until they are answered with success. Called and left with the lock, without it meanwhile. */
static void
deliver(Webhook *self, const char *type, cJSON *rows)
{
    int n = cJSON_GetArraySize(rows);
    gint64 pause_s = FIRST_PAUSE_S;

    g_mutex_unlock(&self->lock);
    GString *form = make_form(self, type, rows);
    g_mutex_lock(&self->lock);
    while (n > 0 && !self->stopping) {
        self->counts.posts++;
        g_mutex_unlock(&self->lock);
        long status = post(self, form);
        log_post(self, type, n, status);
        g_mutex_lock(&self->lock);
        if (status / 100 == 2) {
            self->counts.events += (guint64) n;
            break;
        }
        self->counts.failures++;
        pause_for(self, pause_s);
        pause_s = MIN(pause_s * 2, LAST_PAUSE_S);
    }
    g_string_free(form, TRUE);
}

/* Posts what has happened, a batch of it; false if nothing has. */
static bool
tell(Webhook *self)
{
    cJSON *deliveries = cJSON_CreateArray();
    cJSON *bounces = cJSON_CreateArray();
    gint64 now_us = g_get_real_time();
    Happening one;
    unsigned n = 0;

    for (; n < BATCH_ROWS && timeline_next(self->timeline, now_us, &one); n++) {
        cJSON_AddItemToArray(deliveries, transaction_delivery(one.row, one.place, &one.fate));
        if (one.fate.kind == FATE_FAILED)
            cJSON_AddItemToArray(bounces, transaction_bounce(one.row, one.place, &one.fate));
    }
    deliver(self, "deliveries", deliveries);
    deliver(self, "bounces", bounces);
    return n > 0;
}

static void *
run(void *user)
{
    Webhook *self = user;

    g_mutex_lock(&self->lock);
    while (!self->stopping) {
        if (tell(self) || self->stopping)
            continue;
        gint64 due_us = timeline_due_us(self->timeline);
        if (due_us == G_MAXINT64)
            g_cond_wait(&self->changed, &self->lock);
        else
            g_cond_wait_until(&self->changed, &self->lock, g_get_monotonic_time() + due_us - g_get_real_time());
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

static CURL *
open_curl(Webhook *self)
{
    CURL *curl = curl_easy_init();

    if (!curl)
        g_error("out of memory");
    curl_easy_setopt(curl, CURLOPT_URL, self->options->webhook);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long) TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, self);
    return curl;
}

Webhook *
webhook_start(const Options *options, const Ledger *ledger, const Timing *timing)
{
    if (!options->webhook)
        return NULL;
    Webhook *self = g_new0(Webhook, 1);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    self->options = options;
    self->ledger = ledger;
    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    self->timeline = timeline_new(ledger, timing);
    self->composition = g_strdup(options->server_composition ? options->server_composition : "sandbox");
    self->curl = open_curl(self);
    self->thread = g_thread_new("webhook", run, self);
    return self;
}

void
webhook_stop(Webhook *self)
{
    if (!self)
        return;
    g_mutex_lock(&self->lock);
    g_atomic_int_set(&self->stopping, 1);
    g_cond_signal(&self->changed);
    g_mutex_unlock(&self->lock);
    g_thread_join(self->thread);
    curl_easy_cleanup(self->curl);
    curl_global_cleanup();
    timeline_free(self->timeline);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self->composition);
    g_free(self);
}

void
webhook_lock(Webhook *self)
{
    if (self)
        g_mutex_lock(&self->lock);
}

void
webhook_unlock(Webhook *self)
{
    if (!self)
        return;
    const GPtrArray *rows = ledger_rows(self->ledger);
    const LedgerRow *newest = rows->len > 0 ? rows->pdata[rows->len - 1] : NULL;
    if (newest && newest->number > self->noticed) {
        self->noticed = newest->number;
        g_cond_signal(&self->changed);
    }
    g_mutex_unlock(&self->lock);
}

WebhookCounts
webhook_counts(const Webhook *self)
{
    return self ? self->counts : (WebhookCounts) { 0 };
}
