/* Attachments packed into one archive. The only user of libarchive. Worker thread. */
#pragma once

#include "mail/mail.h"

/* A zip file of the parts from place `first` on, names kept (two that are the same get numbers), in a spool like the
 * given one. NULL if it could not be written or a part not be read. The MailPart is for a Mail's attachments. */
MailPart *zip_parts(const GPtrArray *parts, guint first, const char *filename, const Spool *like, GError **error);
