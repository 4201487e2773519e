#include "relay/throttle.h"

#include "base/clock.h"
#include "base/log.h"
#include "mail/envelope.h"

enum {
    PROBE_MS = 5000, /* in which most probes are answered */
    PRIORITIES = 2 * ENVELOPE_MAX_PRIORITY + 1,
    LEAVES_EVERY = 4,
};

/* A sender's part of the line. */
typedef struct ThrottleSender {
    char *key;
    GQueue *ring;
    GQueue tickets; /* of Ticket */
    GList link;
} ThrottleSender;

struct Throttle {
    guint refs;
    char *name; /* of the account */
    guint places, calls;
    GHashTable *senders; /* address and priority -> ThrottleSender, those that wait */
    GQueue rings[PRIORITIES]; /* of the same, the highest priority first: whose turn is next */
    guint served;        /* of those who waited */
    guint waiting;       /* tickets */
    Health health;
    Outcome why; /* of the last pause; OPEN: there was none since it was well */
    guint64 pauses;
    uv_timer_t *timer; /* end of a short pause, while anyone waits; NULL once closed */
    bool serving;
};

static void
sender_free(void *data)
{
    ThrottleSender *sender = data;

    g_free(sender->key);
    g_free(sender);
}

static void
set_limits(Throttle *self, const Provider *provider)
{
    self->places = provider->limits.calls ? provider->limits.calls : G_MAXUINT;
    self->health.most_ms = provider->max_pause_ms;
}

Throttle *
throttle_new(uv_loop_t *loop, const Provider *provider)
{
    Throttle *self = g_new0(Throttle, 1);

    self->refs = 1;
    self->name = g_strdup(provider->name);
    set_limits(self, provider);
    self->senders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sender_free);
    for (guint i = 0; i < PRIORITIES; i++)
        g_queue_init(&self->rings[i]);
    self->timer = g_new0(uv_timer_t, 1);
    uv_timer_init(loop, self->timer);
    self->timer->data = self;
    return self;
}

void
throttle_free(Throttle *self)
{
    if (!self || --self->refs > 0)
        return;
    g_assert(self->waiting == 0);
    throttle_close(self);
    g_hash_table_unref(self->senders);
    outcome_clear(&self->why);
    g_free(self->name);
    g_free(self);
}

/* --- the line -------------------------------------------------------------------------------------- */

static void
line_join(Throttle *self, Ticket *ticket)
{
    int priority = CLAMP(ticket->priority, -ENVELOPE_MAX_PRIORITY, ENVELOPE_MAX_PRIORITY);
    g_autofree char *address = g_ascii_strdown(ticket->sender ? ticket->sender : "", -1);
    g_autofree char *key = g_strdup_printf("%d %s", priority, address);
    ThrottleSender *sender = g_hash_table_lookup(self->senders, key);

    if (!sender) {
        sender = g_new0(ThrottleSender, 1);
        sender->key = g_steal_pointer(&key);
        sender->ring = &self->rings[ENVELOPE_MAX_PRIORITY - priority];
        sender->link.data = sender;
        g_hash_table_insert(self->senders, sender->key, sender);
        g_queue_push_tail_link(sender->ring, &sender->link);
    }
    ticket->link = (GList) { .data = ticket };
    ticket->among = sender;
    g_queue_push_tail_link(&sender->tickets, &ticket->link);
    self->waiting++;
}

static void
line_quit(Throttle *self, Ticket *ticket)
{
    ThrottleSender *sender = g_steal_pointer(&ticket->among);

    self->waiting--;
    g_queue_unlink(&sender->tickets, &ticket->link);
    if (!g_queue_is_empty(&sender->tickets))
        return;
    g_queue_unlink(sender->ring, &sender->link);
    g_hash_table_remove(self->senders, sender->key);
}

/* The first that somebody is in, from that place on; or NULL. */
static GQueue *
ring_from(Throttle *self, GQueue *ring)
{
    while (ring < self->rings + PRIORITIES && g_queue_is_empty(ring))
        ring++;
    return ring < self->rings + PRIORITIES ? ring : NULL;
}

static GQueue *
ring_next(Throttle *self)
{
    GQueue *ring = ring_from(self, self->rings), *below;

    for (guint turn = ++self->served; turn % LEAVES_EVERY == 0 && (below = ring_from(self, ring + 1)); turn /= LEAVES_EVERY)
        ring = below;
    return ring;
}

/* The next in line; its sender's others come after one of each other sender. */
static Ticket *
line_next(Throttle *self)
{
    GQueue *ring = ring_next(self);
    GList *link = g_queue_pop_head_link(ring);
    ThrottleSender *sender = link->data;
    Ticket *ticket = g_queue_peek_head(&sender->tickets);

    g_queue_push_tail_link(ring, link);
    line_quit(self, ticket);
    return ticket;
}

/* --- turns ----------------------------------------------------------------------------------------- */

HealthState
throttle_state(const Throttle *self)
{
    return health_state(&self->health, clock_monotonic());
}

static gint64
pause_left_ms(const Throttle *self)
{
    return MAX(0, self->health.until_ms - clock_monotonic());
}

gint64
throttle_paused_ms(const Throttle *self)
{
    switch (throttle_state(self)) {
    case HEALTH_PAUSED:
        return pause_left_ms(self);
    case HEALTH_PROBING:
        return PROBE_MS;
    case HEALTH_WELL:
    case HEALTH_DUE:
        break;
    }
    return 0;
}

/* Whether it takes too long until anyone can have a turn. */
static bool
is_hopeless(const Throttle *self)
{
    HealthState state = throttle_state(self);

    return (state == HEALTH_PAUSED && pause_left_ms(self) > THROTTLE_SHORT_MS) ||
           (state == HEALTH_PROBING && self->health.pause_ms > THROTTLE_SHORT_MS);
}

static bool
has_place(const Throttle *self)
{
    HealthState state = throttle_state(self);

    return self->timer && self->calls < self->places && (state == HEALTH_WELL || state == HEALTH_DUE);
}

static void
take_place(Throttle *self, Ticket *ticket)
{
    self->calls++;
    ticket->calls = true;
    health_begin(&self->health, &ticket->call, clock_monotonic());
}

static void serve(Throttle *self);

static void
on_timer(uv_timer_t *timer)
{
    serve(timer->data);
}

/* Who waits for time to pass is woken by nobody else. */
static void
arm(Throttle *self)
{
    if (!self->timer)
        return;
    if (self->waiting > 0 && throttle_state(self) == HEALTH_PAUSED)
        uv_timer_start(self->timer, on_timer, (guint64) pause_left_ms(self) + 1, 0);
    else if (self->waiting > 0 && has_place(self))
        uv_timer_start(self->timer, on_timer, 0, 0);
    else
        uv_timer_stop(self->timer);
}

/* A turn may end at once and come back in here: a loop instead of a recursion as deep as the line is long. */
static void
serve(Throttle *self)
{
    if (self->serving)
        return;
    self->serving = true;
    while (self->timer && self->waiting > 0) {
        if (is_hopeless(self)) {
            Ticket *ticket = line_next(self);
            ticket->paused(ticket);
        } else if (has_place(self)) {
            Ticket *ticket = line_next(self);
            take_place(self, ticket);
            ticket->turn(ticket);
        } else {
            break;
        }
    }
    self->serving = false;
    arm(self);
}

Throttle *
throttle_ref(Throttle *self)
{
    self->refs++;
    return self;
}

void
throttle_adopt(Throttle *self, const Provider *provider)
{
    set_limits(self, provider);
    health_recheck(&self->health, clock_monotonic());
    serve(self);
}

ThrottleAnswer
throttle_enter(Throttle *self, Ticket *ticket)
{
    if (self->timer && is_hopeless(self))
        return THROTTLE_PAUSED;
    if (has_place(self) && self->waiting == 0) {
        take_place(self, ticket);
        return THROTTLE_GO;
    }
    line_join(self, ticket);
    arm(self);
    return THROTTLE_WAIT;
}

void
throttle_leave(Throttle *self)
{
    g_assert(self->calls > 0);
    self->calls--;
    serve(self);
}

void
throttle_forget(Throttle *self, Ticket *ticket)
{
    static const HealthReport nothing = { 0 };

    if (ticket->among)
        line_quit(self, ticket);
    if (ticket->calls)
        health_end(&self->health, &ticket->call, &nothing, clock_monotonic(), 0);
    ticket->calls = false;
}

static void
on_timer_closed(uv_handle_t *timer)
{
    g_free(timer);
}

void
throttle_close(Throttle *self)
{
    uv_timer_t *timer = g_steal_pointer(&self->timer);

    if (timer)
        uv_close((uv_handle_t *) timer, on_timer_closed);
}

/* --- health ---------------------------------------------------------------------------------------- */

/* The one line that raises the alarm, however many mails wait. */
static void
log_pause(const Throttle *self)
{
    int level = self->health.why == SIGN_REFUSED ? LOG_ERR : LOG_WARNING;

    log_event(level, "account-paused", "provider", self->name, "pause_ms", LOG_NUM(self->health.pause_ms),
              "failures", LOG_NUM(self->health.failures), "text", self->why.text, NULL);
}

void
throttle_report(Throttle *self, Ticket *ticket, const GArray *outcomes)
{
    HealthReport report = health_read(outcomes);

    g_assert(ticket->calls);
    ticket->calls = false;
    switch (health_end(&self->health, &ticket->call, &report, clock_monotonic(), g_random_double())) {
    case HEALTH_NOW_PAUSED:
        outcome_copy(&self->why, report.outcome);
        self->pauses++;
        log_pause(self);
        break;
    case HEALTH_NOW_WELL:
        if (self->why.verdict != OUTCOME_OPEN)
            log_event(LOG_NOTICE, "account-well", "provider", self->name, NULL);
        outcome_clear(&self->why);
        break;
    case HEALTH_AS_BEFORE:
        break;
    }
}

void
throttle_refuse(const Throttle *self, Outcome *outcome)
{
    g_autofree char *text = g_strconcat("The account is paused: ", self->why.text, NULL);

    outcome_set(outcome, OUTCOME_TRANSIENT, self->why.code, self->why.dsn, text);
    outcome->retry_after_ms = throttle_paused_ms(self);
}

void
throttle_stats(const Throttle *self, ThrottleStats *stats)
{
    HealthState state = throttle_state(self);

    *stats = (ThrottleStats) {
        .state = state,
        .paused_ms = state == HEALTH_PAUSED ? pause_left_ms(self) : 0,
        .why = state == HEALTH_WELL ? NULL : self->why.text,
        .calls = self->calls,
        .waiting = self->waiting,
        .pauses = self->pauses,
    };
}
