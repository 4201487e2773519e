/* A Source is a rewindable pull stream whose length is known before it is read: what
 * a request body is made of. Used by exactly one consumer, on one thread at a time.
 * Known length means Content-Length, early limit checks, and resending after a dead
 * keep-alive connection. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Source Source;

typedef struct {
    gssize (*read)(Source *self, char *buf, size_t n, GError **error); /* 0 only at the end */
    bool (*rewind)(Source *self, GError **error);
    void (*free)(Source *self);
} SourceOps;

/* First member of every implementation. */
struct Source {
    const SourceOps *ops;
    gint64 length; /* bytes read() yields in all */
};

/* Reads up to n > 0 bytes; 0 only at the end (and again after it), -1 on error. */
gssize source_read(Source *self, char *buf, size_t n, GError **error);

/* Back to the first byte. */
bool source_rewind(Source *self, GError **error);

/* Frees the source; NULL is fine. */
void source_free(Source *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Source, source_free)

/* Bytes of its own: takes a reference. */
Source *source_new_bytes(GBytes *bytes);

/* A copy of a string. */
Source *source_new_string(const char *text);

/* One after the other. Takes the array (of Source, without free function) with what is in it. */
Source *source_new_chain(GPtrArray *sources);

/* What another yields as base64 without line breaks. Takes inner. */
Source *source_new_base64(Source *inner);
