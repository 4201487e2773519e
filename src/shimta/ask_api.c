#include "shimta/ask_api.h"

#include "query/json_line.h"
#include "query/reader.h"
#include "shimta/progress.h"

#include <stdio.h>

enum { TICK_MS = 100, MAX_PAUSES = 2, LONGEST_PAUSE_MS = 30 * 1000, PAUSE_MS = 1000 };

/* One question on its way. */
typedef struct {
    QueryAsk ask;
    const AskApiReader *to;
    AskApiResult *result;
    GError *error; /* that ended it */
    uv_loop_t loop;
    uv_timer_t pause, tick;
    HttpClient *http;
    QueryCursor cursor;
    QueryReader *reader; /* of the answer on its way */
    Secret *token;
    bool renewed;  /* the token, for this request */
    guint pauses;  /* before this request */
} Asking;

static void log_in(Asking *self);
static void ask_page(Asking *self);

static void
take_row(const QueryRow *row, void *user)
{
    Asking *self = user;

    self->result->rows++;
    progress_tell(self->result->requests, self->result->rows);
    self->to->row(row, self->to->user);
}

static void
end(Asking *self, GError *error)
{
    self->error = error;
    uv_close((uv_handle_t *) &self->pause, NULL);
    uv_close((uv_handle_t *) &self->tick, NULL);
    http_client_close(self->http);
}

/* --- what an error is answered with -------------------------------------------------------------- */

static void
on_pause(uv_timer_t *timer)
{
    Asking *self = timer->data;

    if (query_wants_token(self->ask.account) && !self->token)
        log_in(self);
    else
        ask_page(self);
}

static bool
pauses(Asking *self, const GError *error, gint64 retry_after_ms)
{
    gint64 pause = retry_after_ms > 0 ? retry_after_ms : PAUSE_MS << self->pauses;

    if (error->code != QUERY_ERROR_LIMIT || self->pauses == MAX_PAUSES || pause > LONGEST_PAUSE_MS)
        return false;
    self->pauses++;
    uv_timer_start(&self->pause, on_pause, (guint64) pause, 0);
    return true;
}

static bool
logs_in_again(Asking *self, const GError *error)
{
    if (error->code != QUERY_ERROR_AUTH || !query_wants_token(self->ask.account) || self->renewed)
        return false;
    self->renewed = true;
    g_clear_pointer(&self->token, secret_free);
    log_in(self);
    return true;
}

/* Where each request is about something of its own, not about a day. */
static bool
goes_on(Asking *self, const GError *error)
{
    const Query *query = self->ask.query;
    bool parted = query->ids || query->request_ids || (query->addresses && query->until_ms == 0);
    bool about_this = error->code == QUERY_ERROR_NOT_FOUND || error->code == QUERY_ERROR_REFUSED;
    QueryPage none = { 0 };

    return parted && about_this && query_next(self->ask.account, query, &self->cursor, &none);
}

static void
fail(Asking *self, GError *error, gint64 retry_after_ms)
{
    bool again = pauses(self, error, retry_after_ms) || logs_in_again(self, error);

    if (!again && goes_on(self, error)) {
        self->result->missed++;
        self->to->miss(error, self->to->user);
        self->pauses = 0;
        ask_page(self);
        again = true;
    }
    if (again) {
        g_error_free(error);
        return;
    }
    if (error->code == QUERY_ERROR_LIMIT && retry_after_ms > 0)
        g_prefix_error(&error, "it is to be asked again in %" G_GINT64_FORMAT " s: ", retry_after_ms / 1000);
    end(self, error);
}

/* --- requests ------------------------------------------------------------------------------------ */

/* Neither has the API said no, nor was it never asked. */
static bool
is_unsure(const HttpResponse *response, const GError *error)
{
    return (error->code == QUERY_ERROR_TEMPORARY || error->code == QUERY_ERROR_NONSENSE) &&
           response->transport != HTTP_NOT_SENT && response->transport != HTTP_SOURCE;
}

static void
keep_json(const Asking *self)
{
    GString *raw = self->to->raw;

    if (!raw || !json_line_fits(raw))
        return;
    g_autofree char *line = json_line(&self->ask, raw);
    g_string_assign(raw, line);
}

static void
on_page(const HttpResponse *response, void *user)
{
    Asking *self = user;
    g_autoptr(QueryReader) reader = g_steal_pointer(&self->reader);
    GError *error = NULL;
    QueryPage page;

    self->result->part = self->cursor.part;
    if (!query_reader_finish(reader, response, &page, &error)) {
        self->result->unsure = is_unsure(response, error);
        if (error->code == QUERY_ERROR_REFUSED) /* the answer was whole */
            keep_json(self);
        fail(self, error, response->retry_after_ms);
        return;
    }
    keep_json(self);
    self->result->requests++;
    progress_tell(self->result->requests, self->result->rows);
    self->result->cut |= page.cut;
    self->renewed = false;
    self->pauses = 0;
    if (page.rest && page.rest->fields->len > 0 && self->to->rest)
        self->to->rest(page.rest, self->to->user);
    if (self->to->page)
        self->to->page(self->cursor.part, self->to->user);
    if (!ferror(stdout) && query_next(self->ask.account, self->ask.query, &self->cursor, &page))
        ask_page(self);
    else
        end(self, NULL);
}

static bool
push(int status, const char *bytes, size_t n, void *user)
{
    Asking *self = user;

    if (self->to->raw && status / 100 == 2)
        g_string_append_len(self->to->raw, bytes, (gssize) n);
    return query_reader_push(status, bytes, n, self->reader);
}

static void
ask_page(Asking *self)
{
    self->ask.token = self->token;
    if (self->to->raw)
        g_string_set_size(self->to->raw, 0);
    self->reader = query_reader_new(&self->ask, take_row, self);
    HttpStream stream = { push, self, QUERY_MAX_ANSWER };
    http_send_stream(self->http, query_build(&self->ask), &stream, on_page, self);
}

static void
on_login(const HttpResponse *response, void *user)
{
    Asking *self = user;
    GError *error = NULL;
    gint64 lifetime_ms;

    self->token = query_token(self->ask.account, response, &lifetime_ms, &error);
    if (self->token) {
        ask_page(self);
        return;
    }
    g_prefix_error(&error, "login: ");
    if (pauses(self, error, response->retry_after_ms))
        g_error_free(error);
    else
        end(self, error);
}

static void
log_in(Asking *self)
{
    http_send(self->http, query_login(self->ask.account), on_login, self);
}

static void
on_tick(uv_timer_t *timer)
{
    progress_tick();
}

HttpClient *
ask_api_client(uv_loop_t *loop, const RelayConf *conf)
{
    const HttpConf http = relay_conf_http(conf, 1);

    return http_client_new(loop, &http);
}

bool
ask_api(const RelayConf *conf, const AskApiQuestion *question, const AskApiReader *reader, AskApiResult *result,
        GError **error)
{
    Asking self = { .ask = { .account = question->account, .query = question->query }, .to = reader, .result = result };

    *result = (AskApiResult) { 0 };
    self.ask.cursor = &self.cursor;
    progress_begin(question->account->name);
    uv_loop_init(&self.loop);
    uv_timer_init(&self.loop, &self.pause);
    uv_timer_init(&self.loop, &self.tick);
    self.pause.data = &self;
    uv_timer_start(&self.tick, on_tick, TICK_MS, TICK_MS);
    self.http = ask_api_client(&self.loop, conf);
    if (query_wants_token(question->account))
        log_in(&self);
    else
        ask_page(&self);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    uv_loop_close(&self.loop);
    progress_end();
    secret_free(self.token);
    if (self.error)
        g_propagate_error(error, self.error);
    return !self.error;
}
