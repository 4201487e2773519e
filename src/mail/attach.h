/* Attachments of a Mail: what a part that is not body becomes. For content.c, which walks the tree; worker
 * thread. */
#pragma once

#include "mail/part_source.h"
#include "mail/translate.h"

typedef struct {
    Translation *translation;
    GPtrArray *cids; /* Content-IDs without brackets, or NULL: parallel to the Mail's attachments */
} Attacher;

/* Disposition "attachment". */
bool attach_is_detached(GMimeObject *part);

/* Whether the sender gave the part a file name. */
bool attach_is_named(GMimeObject *part);

/* Without brackets, or NULL. Caller frees. */
char *attach_content_id(GMimeObject *part);

/* The part's bytes. Caller frees. */
PartContent *attach_content(const Attacher *self, GMimePart *part);

/* Adds the part to the Mail's attachments; false when it could not be read. */
bool attach_part(Attacher *self, GMimePart *part, GError **error);

/* Adds the whole message as it came, but for the fields that name hidden recipients. */
bool attach_message(Attacher *self, const char *filename);
