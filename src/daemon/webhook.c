#include "daemon/webhook.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/pace.h"
#include "daemon/figures.h"
#include "daemon/gate.h"
#include "daemon/site.h"
#include "query/cmc_event.h"

#include <string.h>

enum {
    PATIENCE_MS = 20000,
    MAX_CONNECTIONS = 64,
    MAX_EVENTS = 10000,  /* of one request; the API sends 100 of them unless it is told otherwise */
    MAX_WAITING = 20000, /* events that are not stored yet */
};

typedef enum {
    TAKEN,
    IGNORED, /* nothing that is of use here */
    MALFORMED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD,
    TOO_LARGE,
    HOMELESS, /* of no account */
    BUSY,
    FAILED,
    RESULTS,
} Result;

static const struct {
    const char *name; /* in the figures */
    guint status;
    bool tell; /* in the log */
    const char *text;
} results[RESULTS] = {
    [TAKEN] = { "taken", 200, false, "stored\n" },
    [IGNORED] = { "ignored", 200, false, "nothing of use\n" },
    [MALFORMED] = { "malformed", 400, true, "not understood\n" },
    [FORBIDDEN] = { "forbidden", 403, true, "not with that secret\n" },
    [NOT_FOUND] = { "not-found", 404, false, "not here\n" },
    [METHOD] = { "method", 405, false, "POST only\n" },
    [TOO_LARGE] = { "too-large", 413, true, "too much at once\n" },
    [HOMELESS] = { "no-account", 503, true, "of no account that is known\n" },
    [BUSY] = { "busy", 503, true, "later\n" },
    [FAILED] = { "failed", 503, true, "cannot be stored, later\n" },
};

struct Webhook {
    const IngressHub *hub;
    Feedback *feedback; /* NULL: not yet */
    Site *site;        /* NULL: closed, and it stays for what is under way */
    guint waiting;     /* events with feedback */
    guint under_way;   /* requests with it */
    Pace paces[RESULTS];
};

/* A request whose events are being stored. */
typedef struct {
    Webhook *webhook;
    WebRequest *request;
    guint events;
} Delivery;

/* --- results ------------------------------------------------------------------------------------- */

static void
tell(Webhook *self, Result result, const char *client, const char *why)
{
    guint64 others;

    if (!pace_allows(&self->paces[result], clock_now(), &others))
        return;
    log_event(LOG_WARNING, "webhook-refused", "reason", results[result].name, "client", client, "text", why, "others",
              others > 0 ? LOG_NUM((gint64) others) : NULL, NULL);
}

/* Counts it, and says it in the log; client NULL: he may have left. */
static void
note(Webhook *self, Result result, const WebRequest *request, const char *why)
{
    char host[ENDPOINT_TEXT_BYTES];
    Endpoint peer;

    figures_webhook(results[result].name);
    if (!results[result].tell)
        return;
    bool known = request && web_peer(request, &peer);
    tell(self, result, known ? endpoint_is_unix(&peer) ? "unix" : endpoint_host(&peer, host) : NULL, why);
}

static void
answer(WebRequest *request, Result result)
{
    web_answer(request, results[result].status, "text/plain", g_string_new(results[result].text));
}

static void
refuse(Webhook *self, WebRequest *request, Result result, const char *why)
{
    note(self, result, request, why);
    answer(request, result);
}

/* --- who asks ------------------------------------------------------------------------------------ */

static bool
may_enter(const Endpoint *peer, void *user)
{
    const Webhook *self = user;

    return endpoint_is_unix(peer) || gate_is_in(self->hub->settings->webhook.networks, peer);
}

static bool
knows(const WebhookAccess *access, const char *guess)
{
    return guess && secret_matches(access->secret, guess, strlen(guess));
}

/* What stands behind the path and a slash; "": nothing. NULL: it is another path. */
static const char *
behind_path(const WebhookAccess *access, const char *path)
{
    size_t n = strlen(access->conf.path);

    if (strncmp(path, access->conf.path, n) != 0)
        return NULL;
    if (n == 1 || !path[n])
        return path + n;
    return path[n] == '/' ? path + n + 1 : NULL;
}

/* A secret that a proxy adds, or the URL has. The form's own is seen once it is there. */
static bool
is_known_by_head(const WebhookAccess *access, const WebRequest *request)
{
    const char *bearer = web_header(request, "Authorization");

    if (!access->secret || knows(access, behind_path(access, web_path(request))) ||
        knows(access, web_header(request, "X-Api-Key")))
        return true;
    return bearer && g_ascii_strncasecmp(bearer, "Bearer ", 7) == 0 && knows(access, bearer + 7);
}

static guint
on_begun(const WebRequest *request, gsize *max_body, void *user)
{
    const Webhook *self = user;
    const WebhookAccess *access = &self->hub->settings->webhook;
    const char *behind = behind_path(access, web_path(request));

    *max_body = (gsize) access->conf.max_bytes;
    if (!behind || (*behind && !access->secret))
        return results[NOT_FOUND].status;
    return !*behind || is_known_by_head(access, request) ? 0 : results[FORBIDDEN].status;
}

static void
on_refused(const WebRequest *request, guint status, void *user)
{
    Result result = MALFORMED;

    for (Result i = MALFORMED; i <= BUSY; i++) {
        if (results[i].status == status && i != HOMELESS)
            result = i;
    }
    note(user, result, request, NULL);
}

/* --- what he tells ------------------------------------------------------------------------------- */

static void
webhook_free_if_done(Webhook *self)
{
    if (!self->site && self->under_way == 0)
        g_free(self);
}

static void
on_stored(void *user, const GError *error)
{
    Delivery *delivery = user;
    Webhook *self = delivery->webhook;
    Result result = error ? FAILED : TAKEN;

    self->waiting -= delivery->events;
    self->under_way--;
    note(self, result, NULL, error ? error->message : NULL);
    answer(delivery->request, result);
    webhook_free_if_done(self);
    g_free(delivery);
}

static void
on_row(const QueryRow *row, void *user)
{
    FeedbackEvents *events = user;
    QueryEvent event;

    if (feedback_events_size(events) <= MAX_EVENTS && query_row_event(row, &event))
        feedback_events_add(events, &event);
}

static void
take(Webhook *self, WebRequest *request, FeedbackEvents *events)
{
    Delivery *delivery = g_new0(Delivery, 1);

    delivery->webhook = self;
    delivery->request = request;
    delivery->events = feedback_events_size(events);
    self->waiting += delivery->events;
    self->under_way++;
    web_drop_body(request);
    feedback_events(self->feedback, events, on_stored, delivery);
}

/* The post is of somebody who may tell. */
static void
hear(Webhook *self, WebRequest *request, const CmcPost *post)
{
    const Settings *settings = self->hub->settings;
    const char *account = webhook_account(&settings->webhook, settings->relay, post->composition);
    g_autoptr(GError) error = NULL;

    if (!cmc_post_is_known(post)) {
        refuse(self, request, IGNORED, NULL);
        return;
    }
    if (!account) {
        refuse(self, request, HOMELESS, post->composition);
        return;
    }
    g_autoptr(FeedbackEvents) events = feedback_events_new(account, "webhook");
    feedback_events_told_once(events);
    bool read = cmc_post_rows(post, on_row, events, &error);
    guint n = feedback_events_size(events);
    if (!read)
        refuse(self, request, MALFORMED, error->message);
    else if (n == 0 && feedback_events_odd(events) == 0)
        refuse(self, request, IGNORED, NULL);
    else if (n > MAX_EVENTS)
        refuse(self, request, TOO_LARGE, "more events than a request may have");
    else if (n > MAX_WAITING - self->waiting)
        refuse(self, request, BUSY, "events wait to be stored");
    else if (!self->feedback)
        refuse(self, request, FAILED, "there is no place for events");
    else
        take(self, request, g_steal_pointer(&events));
}

static void
on_asked(WebRequest *request, void *user)
{
    Webhook *self = user;
    const WebhookAccess *access = &self->hub->settings->webhook;
    bool known = is_known_by_head(access, request);
    g_autoptr(GError) error = NULL;
    gsize n;
    const char *body = web_body(request, &n);
    g_autoptr(CmcPost) post = cmc_post_read(web_header(request, "Content-Type"), body, n, &error);

    if (!post)
        refuse(self, request, MALFORMED, error->message);
    else if (!known && !knows(access, post->key))
        refuse(self, request, FORBIDDEN, NULL);
    else
        hear(self, request, post);
}

/* --- the whole ----------------------------------------------------------------------------------- */

Webhook *
webhook_new(const IngressHub *hub)
{
    Webhook *self = g_new0(Webhook, 1);
    const WebConf conf = {
        .name = "webhook",
        .address = hub->settings->webhook.conf.address,
        .mode = hub->settings->webhook.conf.mode,
        .methods = "POST",
        .max_connections = MAX_CONNECTIONS,
        .patience_ms = PATIENCE_MS,
        .may_enter = may_enter,
        .begun = on_begun,
        .asked = on_asked,
        .refused = on_refused,
        .user = self,
    };

    self->hub = hub;
    self->site = site_new(hub->loop, &conf);
    return self;
}

void
webhook_tell(Webhook *self, Feedback *feedback)
{
    self->feedback = feedback;
}

bool
webhook_hears(const char *account, void *user)
{
    const Webhook *self = user;
    const Settings *settings = self->hub->settings;

    return site_is_open(self->site) && webhook_serves(&settings->webhook, settings->relay, account);
}

bool
webhook_prepare(Webhook *self, const Settings *settings, GError **error)
{
    return site_prepare(self->site, settings->webhook.conf.address, settings->webhook.conf.mode, error);
}

void
webhook_settle(Webhook *self, bool taken)
{
    site_settle(self->site, taken);
}

void
webhook_close(Webhook *self)
{
    if (!self)
        return;
    site_close(g_steal_pointer(&self->site));
    webhook_free_if_done(self);
}
