#include "http/exchange.h"

#include "base/clock.h"

#include <string.h>

enum {
    HTTP_SMALL_BODY = 32 * 1024,   /* goes out in one piece with its headers */
    HTTP_HEADER_BYTES = 64 * 1024, /* of an answer, all of them together */
    HTTP_KEEP_S = 50,              /* longest idle time of a connection: usual servers close after 60 */
    HTTP_DAY_S = 24 * 3600,
    HTTP_BODY_BYTES_PER_S = 16 * 1024,
};

/* True if the server may have the whole request. Small requests leave in one piece. */
static bool
exchange_sent_whole(HttpExchange *self)
{
    long sent = 0;

    curl_easy_getinfo(self->easy, CURLINFO_REQUEST_SIZE, &sent);
    return self->starts > 0 && sent > 0 && (!self->body || self->body_whole);
}

static bool
exchange_rewind(HttpExchange *self)
{
    if (self->body_read > 0 && !source_rewind(self->body, &self->source_error))
        return false;
    self->body_read = 0;
    return true;
}

/* Comes whenever the request is about to go out. curl silently repeats a request on a new connection when
 * a reused one ends without an answer; a server may have taken the mail and died, so that must not happen. */
static int
on_start(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    HttpExchange *self = user;
    bool repeatable = strcmp(self->request->method, "GET") == 0;

    if (self->starts > 0 && !repeatable && exchange_sent_whole(self))
        return CURL_PREREQFUNC_ABORT;
    if (!exchange_rewind(self))
        return CURL_PREREQFUNC_ABORT;
    self->starts++;
    self->active_ms = clock_monotonic();
    return CURL_PREREQFUNC_OK;
}

/* Fills the buffer, since curl writes whatever it gets in one go and then waits for the next event. */
static size_t
on_read(char *buf, size_t size, size_t n, void *user)
{
    HttpExchange *self = user;
    size_t want = MIN((gint64) (size * n), self->body->length - self->body_read);
    size_t done = 0;

    while (done < want) {
        gssize got = source_read(self->body, buf + done, want - done, &self->source_error);
        if (got == 0)
            g_set_error(&self->source_error, G_FILE_ERROR, G_FILE_ERROR_IO, "a body is shorter than announced");
        if (got <= 0)
            return CURL_READFUNC_ABORT;
        done += got;
    }
    self->body_read += done;
    self->body_whole = self->body_whole || self->body_read == self->body->length;
    return done;
}

static int
on_seek(void *user, curl_off_t offset, int origin)
{
    HttpExchange *self = user;

    if (offset != 0 || origin != SEEK_SET || self->body_whole)
        return CURL_SEEKFUNC_FAIL;
    return exchange_rewind(self) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static bool
exchange_stream(HttpExchange *self, const char *bytes, size_t n)
{
    long status = 0;

    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    self->turned_away = !self->stream.sink((int) status, bytes, n, self->stream.user);
    return !self->turned_away;
}

static size_t
on_answer(char *bytes, size_t size, size_t n, void *user)
{
    HttpExchange *self = user;

    if (self->turned_away)
        return 0;
    if (self->held)
        return CURL_WRITEFUNC_PAUSE;
    self->answered += (gint64) (size * n);
    self->too_long = self->answered > self->stream.max_bytes;
    if (self->too_long)
        return 0;
    if (self->stream.sink)
        return exchange_stream(self, bytes, size * n) ? size * n : 0;
    g_string_append_len(self->answer, bytes, (gssize) (size * n));
    return size * n;
}

static size_t
on_header(char *line, size_t size, size_t n, void *user)
{
    HttpExchange *self = user;

    if (size * n >= 5 && memcmp(line, "HTTP/", 5) == 0)
        self->header_whole = false; /* also after a 100 Continue */
    else if (*line == '\r' || *line == '\n')
        self->header_whole = true;
    self->header_bytes += size * n;
    self->too_long = self->header_bytes > HTTP_HEADER_BYTES;
    return self->too_long ? 0 : size * n;
}

static void
exchange_set_callbacks(HttpExchange *self)
{
    curl_easy_setopt(self->easy, CURLOPT_PRIVATE, self);
    curl_easy_setopt(self->easy, CURLOPT_ERRORBUFFER, self->error);
    curl_easy_setopt(self->easy, CURLOPT_PREREQFUNCTION, on_start);
    curl_easy_setopt(self->easy, CURLOPT_PREREQDATA, self);
    curl_easy_setopt(self->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(self->easy, CURLOPT_READDATA, self);
    curl_easy_setopt(self->easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(self->easy, CURLOPT_SEEKDATA, self);
    curl_easy_setopt(self->easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(self->easy, CURLOPT_WRITEDATA, self);
    curl_easy_setopt(self->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(self->easy, CURLOPT_HEADERDATA, self);
}

HttpExchange *
exchange_new(const HttpConf *conf)
{
    HttpExchange *self = g_new0(HttpExchange, 1);

    self->link.data = self;
    self->easy = curl_easy_init();
    g_assert(self->easy);
    exchange_set_callbacks(self);
    curl_easy_setopt(self->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(self->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(self->easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    curl_easy_setopt(self->easy, CURLOPT_PROXY, conf->proxy ? conf->proxy : "");
    curl_easy_setopt(self->easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(self->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(self->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(self->easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
    if (conf->ca_file) {
        curl_easy_setopt(self->easy, CURLOPT_CAINFO, conf->ca_file);
        curl_easy_setopt(self->easy, CURLOPT_CAPATH, NULL);
    }
    /* One request at a time on a connection: over HTTP/2 the loss of one connection would leave the outcome
     * of many mails unknown, and which requests a server saw would be a guess. */
    curl_easy_setopt(self->easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(self->easy, CURLOPT_USERAGENT, conf->user_agent);
    curl_easy_setopt(self->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(self->easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(self->easy, CURLOPT_MAXAGE_CONN, (long) HTTP_KEEP_S);
    curl_easy_setopt(self->easy, CURLOPT_CONNECTTIMEOUT_MS, (long) conf->connect_ms);
    curl_easy_setopt(self->easy, CURLOPT_BUFFERSIZE, 8192L);
    /* Without it ending an exchange would wait for the end of its name look-up. */
    curl_easy_setopt(self->easy, CURLOPT_QUICK_EXIT, 1L);
    return self;
}

/* Reads a small body, so that curl can send it together with the headers. */
static bool
exchange_load_small(HttpExchange *self, Source *body, size_t length)
{
    size_t done = 0;

    self->small = g_malloc(length + 1);
    while (done < length) {
        gssize got = source_read(body, self->small + done, length - done, &self->source_error);
        if (got == 0)
            g_set_error(&self->source_error, G_FILE_ERROR, G_FILE_ERROR_IO, "a body is shorter than announced");
        if (got <= 0)
            return false;
        done += got;
    }
    return true;
}

static void
exchange_add_header(HttpExchange *self, const char *line)
{
    self->headers = curl_slist_append(self->headers, line);
    g_assert(self->headers);
}

static bool
exchange_set_body(HttpExchange *self, Source *body)
{
    gint64 length = body ? body->length : 0;

    self->body = length > HTTP_SMALL_BODY ? body : NULL;
    if (!self->body && !exchange_load_small(self, body, length))
        return false;
    curl_easy_setopt(self->easy, CURLOPT_POSTFIELDS, self->small); /* NULL: on_read() */
    curl_easy_setopt(self->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) length);
    return true;
}

bool
exchange_prepare(HttpExchange *self, HttpRequest *request, const HttpConf *conf)
{
    Source *body = http_request_encode(request);
    bool post = strcmp(request->method, "POST") == 0;
    bool get = strcmp(request->method, "GET") == 0;

    self->request = request;
    self->answer = g_string_new(NULL);
    self->started_us = clock_monotonic_us();
    for (guint i = 0; i < request->headers->len; i++)
        exchange_add_header(self, request->headers->pdata[i]);
    exchange_add_header(self, "Expect:");

    curl_easy_setopt(self->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(self->easy, CURLOPT_PATH_AS_IS, 1L); /* what was shown or checked is what goes out */
    curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(self->easy, CURLOPT_CUSTOMREQUEST, post || (get && !body) ? NULL : request->method);
    gint64 body_s = ((body ? body->length : 0) + (self->stream.sink ? self->stream.max_bytes : 0)) / HTTP_BODY_BYTES_PER_S;
    curl_easy_setopt(self->easy, CURLOPT_TIMEOUT_MS, (long) (conf->total_ms + body_s * 1000));
    if (body || post)
        return exchange_set_body(self, body);
    curl_easy_setopt(self->easy, CURLOPT_HTTPGET, 1L);
    return true;
}

void
exchange_clear(HttpExchange *self)
{
    g_clear_pointer(&self->request, http_request_free);
    g_clear_pointer(&self->headers, curl_slist_free_all);
    g_clear_pointer(&self->small, g_free);
    g_clear_error(&self->source_error);
    if (self->answer)
        g_string_free(self->answer, TRUE);
    self->answer = NULL;
    self->body = NULL;
    self->body_read = 0;
    self->body_whole = false;
    self->starts = 0;
    self->answered = 0;
    self->turned_away = false;
    self->held = false;
    self->header_bytes = 0;
    self->header_whole = false;
    self->too_long = false;
    self->error[0] = '\0';
}

void
exchange_free(HttpExchange *self)
{
    exchange_clear(self);
    curl_easy_cleanup(self->easy);
    g_free(self);
}

/* What went wrong, in words that name no path, query or secret. */
static char *
exchange_error(const HttpExchange *self, CURLcode rc)
{
    if (self->source_error)
        return g_strdup(self->source_error->message);
    if (self->too_long)
        return g_strdup_printf("the answer's %s is longer than %" G_GINT64_FORMAT " bytes",
                               self->header_bytes > HTTP_HEADER_BYTES ? "header" : "body",
                               self->header_bytes > HTTP_HEADER_BYTES ? HTTP_HEADER_BYTES : self->stream.max_bytes);
    if (self->turned_away)
        return g_strdup("the rest of the answer was not wanted");
    if (rc == CURLE_OUT_OF_MEMORY) /* what curl says to a header line above 100 KB */
        return g_strdup("the answer's header is too long");
    if (rc == CURLE_ABORTED_BY_CALLBACK || rc == CURLE_SEND_FAIL_REWIND)
        return g_strdup("the connection ended without an answer");
    if (!self->error[0] || strpbrk(self->error, "?@") || strstr(self->error, "://"))
        return g_strdup(curl_easy_strerror(rc));
    return g_strdup(self->error);
}

HttpResponse *
exchange_response(HttpExchange *self, CURLcode rc)
{
    HttpResponse *response = g_new0(HttpResponse, 1);
    long status = 0;
    long sent = 0;
    curl_off_t retry_after = 0;
    const char *type = NULL;

    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(self->easy, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(self->easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(self->easy, CURLINFO_REQUEST_SIZE, &sent);
    /* curl is content with an answer that ends within its header. */
    if (rc == CURLE_OK && (!self->header_whole || status < 200))
        rc = CURLE_GOT_NOTHING;
    if (rc == CURLE_OK)
        response->transport = HTTP_OK;
    else if (self->source_error)
        response->transport = HTTP_SOURCE;
    else
        response->transport = self->starts > 0 && sent > 0 ? HTTP_BROKEN : HTTP_NOT_SENT;
    if (rc != CURLE_OK)
        response->error = exchange_error(self, rc);
    if (response->transport == HTTP_OK || response->transport == HTTP_BROKEN) {
        response->sent_whole = exchange_sent_whole(self);
        response->status = status;
        response->content_type = g_strdup(type);
        response->retry_after_ms = CLAMP(retry_after, 0, HTTP_DAY_S) * 1000;
    }
    response->body_length = self->answer->len;
    response->body = g_string_free(g_steal_pointer(&self->answer), FALSE);
    response->elapsed_us = clock_monotonic_us() - self->started_us;
    return response;
}
