/* A part's decoded bytes: where they lie in the spool and how they are encoded. Made during translation
 * on a worker thread; the Sources over it are read on the loop, in small blocks, with memory that
 * doesn't depend on the part's size. */
#pragma once

#include "base/source.h"
#include "base/spool.h"
#include "mail/transfer.h"

typedef struct PartContent PartContent;

/* The bytes [offset, offset + length) of the spool, of which a reference is held. */
PartContent *part_content_new(Spool *spool, gint64 offset, gint64 length, Transfer transfer);

/* Bytes of its own, not encoded: what translation made itself. Takes a reference. */
PartContent *part_content_new_bytes(GBytes *bytes);

/* Bytes of its own, then the spool from offset to its end, neither encoded. Takes references. */
PartContent *part_content_new_headed(GBytes *head, Spool *spool, gint64 offset);
void part_content_free(PartContent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PartContent, part_content_free)

/* Decoded length; reads the part once the first time, unless it isn't encoded. -1 on error. */
gint64 part_content_length(PartContent *self, GError **error);

/* The decoded bytes up to max; *cut says whether there are more. NULL on error. Caller frees. */
GByteArray *part_content_read(const PartContent *self, gsize max, bool *cut, GError **error);

/* part_content_length() must have been called. */
Source *part_content_source(const PartContent *self);
