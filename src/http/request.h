/* HTTP as data: what a driver builds and judges, without curl. Pure. */
#pragma once

#include "base/source.h"

typedef struct {
    char *name;
    char *value;    /* text field; NULL when source is set */
    Source *source; /* file field */
    char *filename, *type;
} HttpField;

typedef struct {
    const char *method; /* a literal */
    char *url;
    bool secret_url;    /* what is behind its "?" is nobody else's business: a token */
    GPtrArray *headers; /* of char *, "Name: value" */
    GPtrArray *fields;  /* of HttpField: multipart/form-data; empty when body is set */
    Source *body;       /* or NULL */
} HttpRequest;

HttpRequest *http_request_new(const char *method, const char *url);
/* Line breaks in value become blanks. */
void http_request_header(HttpRequest *self, const char *name, const char *value);
void http_request_field(HttpRequest *self, const char *name, const char *value);
/* Takes source. */
void http_request_take_file(HttpRequest *self, const char *name, const char *filename, const char *type,
                            Source *source);
/* Takes body; sets Content-Type. */
void http_request_take_body(HttpRequest *self, const char *type, Source *body);
/* Method and URL for people: "?..." stands for the rest of a secret one. Caller frees. */
char *http_request_shown(const HttpRequest *self);
/* What goes out: the body, or the fields as multipart/form-data, with its Content-Type added to the
 * headers; NULL without either. Moves the fields' sources into the body; belongs to the request. */
Source *http_request_encode(HttpRequest *self);
void http_request_free(HttpRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpRequest, http_request_free)

typedef enum {
    HTTP_OK,          /* a whole answer, whatever its status */
    HTTP_NOT_SENT,    /* no connection, TLS failure, unknown name: certainly nothing was processed */
    HTTP_BROKEN,      /* the request went out, whole or in part, and no whole answer came back */
    HTTP_SOURCE,      /* our own body could not be read; the request was cut short */
} HttpTransport;

typedef struct {
    HttpTransport transport;
    bool sent_whole;       /* HTTP_BROKEN: the last byte of the request had left */
    int status;            /* 0 without one */
    char *body;            /* NUL-terminated, at most HTTP_MAX_ANSWER bytes, "" where it went to a sink; never NULL */
    size_t body_length;
    char *content_type;    /* or NULL */
    gint64 retry_after_ms; /* both forms of Retry-After, clamped to 0 … 1 day; 0: none */
    char *error;           /* transport problem in words (no URL, no secret), or NULL */
    gint64 elapsed_us;
} HttpResponse;

#define HTTP_MAX_ANSWER (64 * 1024) /* a longer answer is HTTP_BROKEN */

void http_response_free(HttpResponse *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpResponse, http_response_free)
