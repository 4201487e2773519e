/* A GMimeStream over the end of a spool, with some bytes put before it. It and its substreams keep the
 * spool and have a position each, so several may be read at once. */
#pragma once

#include "base/spool.h"
#include "mail/gmime.h"

/* prefix, then the spool from offset start on, with an empty line before each of the offsets in missing (see
 * scan_missing_lines()). Takes references. */
GMimeStream *spool_stream_new(GBytes *prefix, Spool *spool, gint64 start, GArray *missing);

/* Puts the end of a part's substream right: GMime 3.2.13 supposes that the line before a delimiter ends as the
 * delimiter does, and takes a byte of the content, or leaves a CR, where it does not. */
void spool_stream_mend_end(GMimeStream *stream);

/* Whether a read failed; GMime's parser takes that for the end. */
bool spool_stream_failed(GMimeStream *stream);

/* Where the stream's bytes lie in the spool; false if they don't. */
bool spool_stream_extent(GMimeStream *stream, gint64 *offset, gint64 *length);
