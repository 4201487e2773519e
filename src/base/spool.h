/* The bytes of one message on their way through: in memory up to a limit, then in an
 * unnamed file. Written by one owner (append, flush, finish), read-only after
 * spool_finish(), then shared by reference and readable from any thread: reads carry
 * their own offset, so readers don't disturb one another.
 *
 * spool_append() only copies and never blocks. Once spool_is_full() says so, the owner
 * calls spool_flush(), which does the disk write and may run on another thread while
 * nobody else touches the spool. */
#pragma once

#include "base/source.h"

typedef struct Spool Spool;

/* memory_bytes: what may stay in memory. folder: where the file goes (NULL: $TMPDIR). */
Spool *spool_new(size_t memory_bytes, const char *folder);

/* An empty one with the memory limit and the folder of another. */
Spool *spool_new_like(const Spool *other);

/* A finished one over the first length bytes of an open file, whose descriptor it takes. */
Spool *spool_new_file(int fd, gint64 length, size_t memory_bytes, const char *folder);

void spool_append(Spool *self, const char *bytes, size_t n);
bool spool_is_full(const Spool *self);
bool spool_flush(Spool *self, GError **error);

/* No more bytes will come. Flushes if the memory limit was passed. */
bool spool_finish(Spool *self, GError **error);

/* Bytes so far. */
gint64 spool_length(const Spool *self);

/* Reads up to n bytes at offset; fewer only at the end, 0 past it, -1 on error. */
gssize spool_read_at(const Spool *self, gint64 offset, char *buf, size_t n, GError **error);

/* The bytes where they lie in memory, or NULL when they are in the file. */
const char *spool_bytes(const Spool *self);

/* The file's descriptor, borrowed, or -1 when the bytes lie in memory. The spool must be finished. */
int spool_file(const Spool *self);

/* A Source over [offset, offset + length); holds a reference. */
Source *spool_source(Spool *self, gint64 offset, gint64 length);

Spool *spool_ref(Spool *self); /* thread-safe */
void spool_unref(Spool *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spool, spool_unref)
