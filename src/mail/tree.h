/* The inside of a Message, for the files of mail/ that walk it: the header's fields, GMime's tree of the
 * body, and the bytes under both. Everything is owned by the Message.
 *
 * GMime is trusted with structure only. It never sees an address field, and a message/rfc822 part is a leaf
 * (an ordinary GMimePart) whose content is the raw mail: GMime 3.2.13 overflows its stack on nested groups
 * and needs quadratic time for repeated fields. Content-Type and -Disposition parameters other than
 * charset, and all decoding, are the business of filename.h, encoded_word.h and charset.h. */
#pragma once

#include "mail/fields.h"
#include "mail/gmime.h"
#include "mail/message.h"

/* The root part, never NULL: a GMimePart or a non-empty GMimeMultipart. Its header holds the message's
 * Content-* fields and nothing else. */
GMimeObject *message_root(const Message *self);

/* The message's own header, in order; empty when it has none. */
const Fields *message_fields(const Message *self);

/* The raw message; takes no reference. */
Spool *message_spool(const Message *self);

/* Where the body begins in the spool. */
gint64 message_body_offset(const Message *self);

/* Whether the root is a text/plain part made up here, because there is no header or no usable structure:
 * its bytes are the whole body as it came. */
bool message_is_flat(const Message *self);

/* The field called name (case ignored) of a part's header: its raw value behind the colon, folds and encoded
 * words as sent, or NULL. Of several Content-Type fields, and likewise for all of Content-*, the last counts
 * for everything: structure, type, name, encoding. It is what GMime takes. */
const char *part_field(GMimeObject *part, const char *name);

/* The fields at the beginning of a message/rfc822 part's raw content, read up to 256 KiB. Caller frees. */
Fields *part_inner_fields(GMimePart *part);
