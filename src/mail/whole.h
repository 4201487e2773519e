/* Bodies longer than a Mail holds, decoded into a spool: memory does not grow with them. Worker thread. */
#pragma once

#include "mail/part_source.h"

/* Appends the part's text as UTF-8 with LF, on a line of its own. label: its charset, or NULL; hint: likely without
 * one. */
bool whole_append_part(Spool *spool, PartContent *content, const char *label, const char *hint, GError **error);

bool whole_append(Spool *spool, const char *text, gsize n, GError **error);

/* What was appended; takes spool. NULL on error. */
PartContent *whole_finish(Spool *spool, GError **error);
