/* An HTTP client that sends nothing: a test answers, breaks off, or only counts. Takes the place of http/client.c when
 * a test links it. */
#pragma once

#include "http/client.h"

typedef struct {
    GPtrArray *open; /* of HttpExchange, in the order they were sent */
    guint most;      /* at once */
    guint sent, cancelled;
} FakeHttp;

extern FakeHttp fake_http;

void fake_http_reset(void);

/* The value of a form field of the i-th open exchange, or NULL. */
const char *fake_http_field(guint i, const char *name);

/* The i-th open exchange's "METHOD url", and its header "name: …" or NULL. */
char *fake_http_request(guint i);
const char *fake_http_header(guint i, const char *name);

/* Completes the i-th open exchange. */
void fake_http_answer(guint i, int status, const char *body);
void fake_http_answer_later(guint i, int status, const char *body, gint64 retry_after_ms);
void fake_http_fail(guint i, HttpTransport transport, bool sent_whole);
