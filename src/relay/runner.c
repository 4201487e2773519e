#include "config.h"

#include "relay/runner.h"

#include "relay/delivery.h"

typedef struct RelayJob {
    Relay *relay;
    Delivery *delivery;
    Waiter *waiter; /* or NULL */
    bool abandoned;
    GList link;
} RelayJob;

struct Relay {
    DeliveryWorld world;
    GQueue jobs; /* of RelayJob */
    uv_timer_t timer; /* of the drain */
    bool expired;
    void (*drained)(void *user);
    void *user;
};

/* From now on no API is called. */
static void
expire(Relay *self)
{
    GHashTableIter iter;
    gpointer throttle;

    self->expired = true;
    g_hash_table_iter_init(&iter, self->world.throttles);
    while (g_hash_table_iter_next(&iter, NULL, &throttle))
        throttle_close(throttle);
}

static void
check_drained(Relay *self)
{
    void (*drained)(void *user) = self->drained;

    if (!drained || !g_queue_is_empty(&self->jobs))
        return;
    expire(self);
    uv_timer_stop(&self->timer);
    self->drained = NULL;
    drained(self->user);
}

static void
on_delivered(Delivery *delivery, const Reply *reply, void *user)
{
    RelayJob *job = user;
    Relay *relay = job->relay;
    Waiter *waiter = job->waiter;

    g_queue_unlink(&relay->jobs, &job->link);
    g_free(job);
    if (waiter) {
        waiter->job = NULL;
        waiter->reply(waiter, reply);
    }
    delivery_free(delivery);
    check_drained(relay);
}

static bool
is_wanted(void *user)
{
    const RelayJob *job = user;
    Waiter *waiter = job->waiter;

    return !job->abandoned && (!waiter || !waiter->is_there || waiter->is_there(waiter));
}

static void
abort_all(Relay *self)
{
    while (!g_queue_is_empty(&self->jobs)) {
        RelayJob *job = g_queue_peek_head(&self->jobs);
        delivery_abort(job->delivery);
    }
}

static void
on_limit(uv_timer_t *timer)
{
    Relay *self = timer->data;

    expire(self);
    abort_all(self);
    check_drained(self);
}

Relay *
relay_new(uv_loop_t *loop, const RelaySettings *settings)
{
    Relay *self = g_new0(Relay, 1);
    guint calls = 0;

    self->world.loop = loop;
    self->world.settings = settings;
    self->world.is_wanted = is_wanted;
    self->world.throttles = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify) throttle_free);
    self->world.tokens = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify) token_free);
    for (guint i = 0; i < settings->accounts->len; i++) {
        const Provider *account = settings->accounts->pdata[i];
        g_hash_table_insert(self->world.throttles, (gpointer) account, throttle_new(loop, account));
        calls += account->limits.calls;
    }
    HttpConf conf = {
        .user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
        .ca_file = settings->conf.ca_file,
        .proxy = settings->conf.http_proxy,
        .connect_ms = settings->conf.connect_timeout_ms,
        .idle_ms = settings->conf.idle_timeout_ms,
        .total_ms = settings->conf.call_timeout_ms,
        .connections_per_host = calls, /* each account may fill its own limit */
    };
    self->world.http = http_client_new(loop, &conf);
    self->world.lane = work_lane_new(loop);
    for (guint i = 0; i < settings->accounts->len; i++) {
        const Provider *account = settings->accounts->pdata[i];
        if (account->driver->login)
            g_hash_table_insert(self->world.tokens, (gpointer) account, token_new(self->world.http, account));
    }
    g_queue_init(&self->jobs);
    uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    return self;
}

void
relay_deliver(Relay *self, Entry *entry, Waiter *waiter)
{
    RelayJob *job = g_new0(RelayJob, 1);

    job->relay = self;
    job->waiter = waiter;
    job->link.data = job;
    if (waiter)
        waiter->job = job;
    g_queue_push_tail_link(&self->jobs, &job->link);
    job->delivery = delivery_start(&self->world, entry, on_delivered, job);
    if (self->expired)
        uv_timer_start(&self->timer, on_limit, 0, 0);
}

void
relay_abandon(Waiter *waiter)
{
    RelayJob *job = g_steal_pointer(&waiter->job);

    if (!job)
        return;
    job->waiter = NULL;
    job->abandoned = true;
    delivery_unwanted(job->delivery);
}

guint
relay_size(const Relay *self)
{
    return self->jobs.length;
}

void
relay_drain(Relay *self, gint64 limit_ms, void (*done)(void *user), void *user)
{
    bool idle = g_queue_is_empty(&self->jobs);

    self->drained = done;
    self->user = user;
    uv_timer_start(&self->timer, on_limit, idle ? 0 : (guint64) limit_ms, 0);
}

static void
close_token(gpointer account, gpointer token, gpointer user)
{
    token_close(token);
}

static void
on_closed(uv_handle_t *handle)
{
    Relay *self = handle->data;

    g_hash_table_unref(self->world.throttles);
    g_hash_table_unref(self->world.tokens);
    g_free(self);
}

void
relay_close(Relay *self)
{
    self->drained = NULL;
    expire(self);
    abort_all(self);
    g_hash_table_foreach(self->world.tokens, close_token, NULL);
    http_client_close(self->world.http);
    work_lane_close(self->world.lane);
    uv_close((uv_handle_t *) &self->timer, on_closed);
}
