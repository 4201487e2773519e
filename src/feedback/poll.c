/* Asks the APIs: one question at a time per account, each kind on its own when it fails. A failure changes nothing but
 * when it is asked again, and never how mail is sent. */
#include "feedback/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "feedback/figures.h"
#include "feedback/place.h"
#include "feedback/plan.h"
#include "http/client.h"
#include "query/reader.h"

enum {
    LOOK_MS = 500,
    IDLE_MS = 1000,       /* between two looks that found nothing to ask */
    BATCH = 500,          /* events handed over at a time */
    BATCHES = 2,          /* that wait to be stored: then the answer has to */
    EARLY_MS = 60 * 1000, /* a token is given up before its end */
    PAUSED_MS = 30 * 1000,
};

typedef struct {
    FeedbackPoll *poll;
    const QueryAccount *account;
    const FeedbackConf *conf;
    gint64 next_ms[PLAN_KINDS]; /* monotonic */
    guint failures[PLAN_KINDS];
    gint64 round_ms; /* monotonic, when this round of questions about results began; 0: there is none */
    bool by_ids;     /* for the rest of it: a period has more than the API shows */
    Secret *token;
    gint64 token_end_ms; /* monotonic */

    /* The question that is on its way: */
    Plan *plan; /* NULL: none */
    QueryCursor cursor;
    QueryPage page;
    bool answered; /* a page of it has come */
    QueryAsk ask;
    QueryReader *reader;
    HttpExchange *exchange;
    Place place; /* among the account's calls, of the request that is next or on its way */
    FeedbackEvents *events;
    GError *trouble; /* the page's */
    gint64 retry_after_ms; /* likewise, what the API asks for */
    gint64 wait_ms;        /* behind a question of which nothing came */
    guint tasks;     /* that refer to it, on their way */
} Asker;

struct FeedbackPoll {
    Feedback *feedback;
    RelaySettings *settings;
    HttpClient *http;
    GPtrArray *askers;
    uv_timer_t timer;
    bool closing;
};

static void ask_page(Asker *self);

static Asker *
asker_of(Place *place)
{
    return (Asker *) (void *) ((char *) place - G_STRUCT_OFFSET(Asker, place));
}
static void look(Asker *self);

/* --- the end of a question ----------------------------------------------------------------------- */

static void
end(Asker *self, gint64 wait_ms)
{
    if (self->plan)
        self->next_ms[self->plan->kind] = clock_monotonic() + wait_ms;
    place_leave(&self->place);
    g_clear_pointer(&self->reader, query_reader_free);
    g_clear_pointer(&self->plan, plan_free);
    g_clear_pointer(&self->events, feedback_events_free);
    g_clear_error(&self->trouble);
}

static void poll_check(FeedbackPoll *self);

static void
begin_task(Asker *self, const KeeperTask *task)
{
    self->tasks++;
    keeper_do(self->poll->feedback->keeper, task, self);
}

/* A task is over; true: nobody waits for what follows. */
static bool
is_over(Asker *self)
{
    FeedbackPoll *poll = self->poll;

    self->tasks--;
    if (!poll->closing)
        return false;
    if (self->tasks == 0) {
        end(self, 0);
        poll_check(poll);
    }
    return true;
}


static bool
run_refused(FeedbackStore *store, void *user, GError **error)
{
    return plan_run_refused(store, ((Asker *) user)->plan, error);
}

static void
done_refused(void *user, const GError *error)
{
    Asker *self = user;

    if (!is_over(self))
        end(self, self->wait_ms);
}

/* Nothing came of the question. Of a list that came in part the rest is read with the next one. */
static void
end_refused(Asker *self, gint64 wait_ms)
{
    static const KeeperTask refused = { run_refused, done_refused };

    place_leave(&self->place);
    self->wait_ms = wait_ms;
    if (self->plan->kind == PLAN_RESULTS || self->answered || !self->plan->wanted)
        end(self, wait_ms);
    else
        begin_task(self, &refused);
}

static void
fail(Asker *self, const GError *error)
{
    guint *failures = &self->failures[self->plan->kind];

    *failures = MIN(*failures + 1, 20);
    log_event(LOG_WARNING, "feedback-failed", "account", self->account->name, "call",
              query_task_name(self->plan->query.task), "text", error->message, NULL);
    figures_asked(self->account->name, "failed");
    self->plan->rest_ms = MAX(plan_rest_ms(self->plan->kind, *failures), self->retry_after_ms);
    end_refused(self, self->plan->rest_ms);
}

static bool
run_answered(FeedbackStore *store, void *user, GError **error)
{
    return plan_run_answered(store, ((Asker *) user)->plan, error);
}

static void
done_answered(void *user, const GError *error)
{
    Asker *self = user;

    if (is_over(self))
        return;
    if (error) {
        fail(self, error);
        return;
    }
    self->failures[self->plan->kind] = 0;
    self->by_ids |= self->plan->cut;
    figures_asked(self->account->name, "well");
    end(self, 0);
    look(self); /* there may be more */
}

/* --- pages --------------------------------------------------------------------------------------- */

/* A list is known only up to where it was whole: the rest is asked for with the next one. Mails come up again by
 * themselves. */
static void
end_of_pages(Asker *self)
{
    static const KeeperTask answered = { run_answered, done_answered };
    g_autoptr(GError) cut = NULL;

    g_set_error_literal(&cut, QUERY_ERROR, QUERY_ERROR_NONSENSE, "the API shows no more of the list than this at a time");
    if (self->plan->cut && self->plan->kind != PLAN_RESULTS)
        fail(self, cut);
    else
        begin_task(self, &answered);
}

/* All of it is in the store, or there was trouble. */
static void
page_end(Asker *self)
{
    g_autoptr(GError) trouble = g_steal_pointer(&self->trouble);

    if (trouble)
        fail(self, trouble);
    else if (query_next(self->account, &self->plan->query, &self->cursor, &self->page))
        ask_page(self);
    else
        end_of_pages(self);
}

static void
on_stored(void *user, const GError *error)
{
    Asker *self = user;

    if (error && !self->trouble)
        self->trouble = g_error_copy(error);
    if (is_over(self))
        return;
    if (self->exchange)
        http_go_on(self->exchange);
    else if (self->tasks == 0)
        page_end(self);
}

static FeedbackEvents *
fresh_events(const Asker *self)
{
    return feedback_events_new(self->account->name, query_task_name(self->plan->query.task));
}

static void
hand_over(Asker *self)
{
    self->tasks++;
    feedback_events(self->poll->feedback, g_steal_pointer(&self->events), on_stored, self);
}

static void
on_row(const QueryRow *row, void *user)
{
    Asker *self = user;
    QueryEvent event;

    if (query_row_event(row, &event) && event.kind != QUERY_EVENT_PENDING)
        feedback_events_add(self->events, &event);
    if (feedback_events_size(self->events) < BATCH)
        return;
    hand_over(self);
    self->events = fresh_events(self);
    if (self->exchange && self->tasks >= BATCHES)
        http_hold(self->exchange);
}

static void
on_page(const HttpResponse *response, void *user)
{
    Asker *self = user;
    g_autoptr(GError) error = NULL;

    self->exchange = NULL;
    self->retry_after_ms = response->retry_after_ms;
    place_leave(&self->place);
    self->page = (QueryPage) { 0 };
    bool fine = query_reader_finish(self->reader, response, &self->page, &error);
    self->page.rest = NULL;
    self->plan->cut |= self->page.cut && !self->plan->query.ids;
    g_clear_pointer(&self->reader, query_reader_free);
    if (g_error_matches(error, QUERY_ERROR, QUERY_ERROR_AUTH))
        g_clear_pointer(&self->token, secret_free);
    /* One mail that the API does not know is no reason not to ask about the others. */
    fine |= self->plan->kind == PLAN_RESULTS && g_error_matches(error, QUERY_ERROR, QUERY_ERROR_NOT_FOUND);
    self->answered |= fine;
    if (fine && self->page.odd)
        log_event(LOG_WARNING, "feedback-odd", "account", self->account->name, "source",
                  query_task_name(self->plan->query.task), "text", "some of what the answer lists says nothing", NULL);
    if (fine)
        hand_over(self);
    else if (!self->trouble)
        self->trouble = g_steal_pointer(&error);
    if (self->tasks == 0)
        page_end(self);
}

static void
send_question(Asker *self)
{
    g_clear_pointer(&self->events, feedback_events_free);
    self->events = fresh_events(self);
    self->ask = (QueryAsk) { self->account, &self->plan->query, &self->cursor, self->token };
    self->reader = query_reader_new(&self->ask, on_row, self);
    const HttpStream stream = { query_reader_push, self->reader, QUERY_MAX_ANSWER };
    self->exchange = http_send_stream(self->poll->http, query_build(&self->ask), &stream, on_page, self);
}

/* --- the beginning ------------------------------------------------------------------------------- */

static void
on_login(const HttpResponse *response, void *user)
{
    Asker *self = user;
    g_autoptr(GError) error = NULL;
    gint64 lifetime_ms = 0;

    self->exchange = NULL;
    self->retry_after_ms = response->retry_after_ms;
    self->token = query_token(self->account, response, &lifetime_ms, &error);
    self->token_end_ms = clock_monotonic() + lifetime_ms - EARLY_MS;
    if (self->token)
        send_question(self);
    else
        fail(self, error);
}

static void
on_place(Place *place)
{
    Asker *self = asker_of(place);

    if (!self->token && query_wants_token(self->account))
        self->exchange = http_send(self->poll->http, query_login(self->account), on_login, self);
    else
        send_question(self);
}

static void
on_no_place(Place *place)
{
    end_refused(asker_of(place), PAUSED_MS);
}

static void
ask_page(Asker *self)
{
    place_enter(&self->place);
}

static bool
run_plan(FeedbackStore *store, void *user, GError **error)
{
    return plan_run(store, ((Asker *) user)->plan, error);
}

/* Mails that come due one after the other are asked about together: a round of questions in an interval. The first
 * after a time without any is asked about at once. */
static void
end_idle(Asker *self)
{
    gint64 wait_ms = IDLE_MS;

    if (self->plan->kind == PLAN_RESULTS && self->round_ms > 0) {
        wait_ms = MAX(wait_ms, self->round_ms + self->conf->interval_ms - clock_monotonic());
        self->round_ms = 0;
        self->by_ids = false;
    }
    end(self, wait_ms);
}

static void
done_plan(void *user, const GError *error)
{
    Asker *self = user;
    g_autoptr(GError) fault = NULL;

    if (is_over(self))
        return;
    if (error || (self->plan->wanted && !query_check(self->account, &self->plan->query, &fault))) {
        fail(self, error ? error : fault);
        return;
    }
    if (!self->plan->wanted) {
        end_idle(self);
        return;
    }
    if (self->plan->kind == PLAN_RESULTS && self->round_ms == 0)
        self->round_ms = clock_monotonic();
    self->cursor = (QueryCursor) { 0 };
    self->answered = false;
    if (self->token && clock_monotonic() >= self->token_end_ms)
        g_clear_pointer(&self->token, secret_free);
    ask_page(self);
}

/* The kind whose turn has waited the longest. */
static void
look(Asker *self)
{
    static const KeeperTask planning = { run_plan, done_plan };
    const FeedbackHub *hub = &self->poll->feedback->hub;
    gint64 now_ms = clock_monotonic();
    guint kind = 0;

    for (guint i = 1; i < PLAN_KINDS; i++)
        kind = self->next_ms[i] < self->next_ms[kind] ? i : kind;
    if (self->plan || self->next_ms[kind] > now_ms)
        return;
    self->plan = plan_new(self->account, self->conf, (PlanKind) kind);
    self->plan->told = hub->is_told && hub->is_told(self->account->name, hub->user);
    self->plan->by_ids = self->by_ids;
    begin_task(self, &planning);
}

static void
on_timer(uv_timer_t *timer)
{
    FeedbackPoll *self = timer->data;

    for (guint i = 0; i < self->askers->len; i++)
        look(self->askers->pdata[i]);
}

/* --- accounts ------------------------------------------------------------------------------------ */

static void
asker_free(Asker *self)
{
    http_cancel(&self->exchange);
    end(self, 0);
    place_clear(&self->place);
    secret_free(self->token);
    g_free(self);
}

static void
add_asker(FeedbackPoll *self, const QueryAccount *account)
{
    const Provider *provider = relay_settings_account(self->settings, account->name);

    if (!provider || !provider->feedback.on)
        return;
    Asker *asker = g_new0(Asker, 1);
    asker->poll = self;
    asker->account = account;
    asker->conf = &provider->feedback;
    asker->place = (Place) { .got = on_place, .refused = on_no_place };
    place_init(&asker->place, relay_throttle(self->feedback->hub.relay, provider));
    for (guint i = 0; i < PLAN_KINDS; i++)
        asker->next_ms[i] = plan_is_possible(account, (PlanKind) i) ? 0 : G_MAXINT64;
    g_ptr_array_add(self->askers, asker);
}

static void
on_closed(uv_handle_t *handle)
{
    FeedbackPoll *self = handle->data;
    Feedback *feedback = self->feedback;

    g_ptr_array_unref(self->askers);
    relay_settings_free(self->settings);
    g_free(self);
    feedback_release(feedback);
}

static void
poll_check(FeedbackPoll *self)
{
    for (guint i = 0; i < self->askers->len; i++) {
        if (((const Asker *) self->askers->pdata[i])->tasks > 0)
            return;
    }
    if (self->closing && !uv_is_closing((uv_handle_t *) &self->timer))
        uv_close((uv_handle_t *) &self->timer, on_closed);
}

FeedbackPoll *
poll_new(Feedback *feedback)
{
    FeedbackPoll *self = g_new0(FeedbackPoll, 1);

    self->feedback = feedback;
    self->settings = relay_settings_ref(feedback->settings);
    self->askers = g_ptr_array_new_with_free_func((GDestroyNotify) asker_free);
    for (guint i = 0; i < self->settings->queries->len; i++)
        add_asker(self, self->settings->queries->pdata[i]);
    const HttpConf http = relay_conf_http(&self->settings->conf, MAX(self->askers->len, 1));
    self->http = http_client_new(feedback->hub.loop, &http);
    feedback_hold(feedback);
    uv_timer_init(feedback->hub.loop, &self->timer);
    uv_unref((uv_handle_t *) &self->timer);
    self->timer.data = self;
    if (self->askers->len > 0)
        uv_timer_start(&self->timer, on_timer, 0, LOOK_MS);
    return self;
}

void
poll_close(FeedbackPoll *self)
{
    self->closing = true;
    uv_timer_stop(&self->timer);
    for (guint i = 0; i < self->askers->len; i++) {
        Asker *asker = self->askers->pdata[i];
        http_cancel(&asker->exchange);
        place_leave(&asker->place);
        if (asker->tasks == 0)
            end(asker, 0);
    }
    http_client_close(g_steal_pointer(&self->http));
    poll_check(self);
}
