/* One request and its answer as a curl easy handle; private to client.c, on its thread. An exchange is
 * used for many requests, one after the other: setting up an easy handle costs more than a request. */
#pragma once

#include "http/client.h"

#include <curl/curl.h>

struct HttpExchange {
    GList link; /* in one of the client's queues; data is the exchange */
    HttpClient *client;
    HttpDone done;
    void *user;
    CURL *easy; /* its options point to the exchange; CURLINFO_PRIVATE too */
    HttpRequest *request;
    struct curl_slist *headers;
    Source *body;     /* the request's; NULL without one or when small */
    gint64 body_read; /* bytes of it given to curl */
    bool body_whole;  /* curl had the last byte of it */
    char *small;      /* the whole of a small body */
    guint starts;     /* times the request began to go out */
    HttpStream stream; /* sink NULL: into answer */
    gint64 answered;   /* bytes of the body so far */
    GString *answer;
    size_t header_bytes;
    bool header_whole; /* the empty line behind it came */
    bool too_long;
    bool turned_away; /* by the sink */
    bool held;        /* nothing more for the sink; curl keeps what it has */
    GError *source_error;
    gint64 active_ms; /* monotonic time of the last byte; counts from the first start */
    gint64 started_us;
    char error[CURL_ERROR_SIZE];
};

/* With all options that are the same for each request of a client. */
HttpExchange *exchange_new(const HttpConf *conf);

/* Takes the request. False if its body cannot be read: source_error is set. */
bool exchange_prepare(HttpExchange *self, HttpRequest *request, const HttpConf *conf);

/* What came of it. The handle has left the multi. */
HttpResponse *exchange_response(HttpExchange *self, CURLcode rc);

/* Ready for the next request. */
void exchange_clear(HttpExchange *self);

void exchange_free(HttpExchange *self);
