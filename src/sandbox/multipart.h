/* Reads a multipart/form-data body piece by piece, keeping no more of it than one part's
 * header or a boundary's length. Used by form.c. Stricter than libmicrohttpd's post
 * processor: it tells a part's beginning from its end, so that an empty or a repeated
 * parameter is seen as such, and a body without its last boundary as cut. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Longest header of one part. */
#define MULTIPART_HEAD_BYTES 8192

/* Of a part: name is never NULL; filename and type are when the part has none. */
typedef struct {
    char *name;
    char *filename;
    char *type;
} PartHead;

/* For each part: begin, data any number of times, end. */
typedef struct {
    void (*begin)(void *user, const PartHead *head);
    void (*data)(void *user, const char *bytes, size_t n);
    void (*end)(void *user);
} MultipartHandler;

typedef struct Multipart Multipart;

/* The boundary of a Content-Type value; NULL unless it is multipart/form-data with a valid
 * boundary. The caller frees it. */
char *multipart_boundary(const char *content_type);

Multipart *multipart_new(const char *boundary, const MultipartHandler *handler, void *user);
void multipart_free(Multipart *self);

/* Calls the handler for what bytes complete. After the first fault in the form everything
 * is dropped. */
void multipart_feed(Multipart *self, const char *bytes, size_t n);

/* True if the last boundary has been seen and nothing was wrong before it. */
bool multipart_is_complete(const Multipart *self);

/* The value of a parameter in a header value such as `form-data; name="a"`, its quoting
 * undone; NULL if it isn't there. The caller frees it. */
char *multipart_parameter(const char *value, const char *name);
