/* What scan.c counts in one header field. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Outside quotes. */
typedef struct {
    guint colons, semicolons, comment_depth;
} Tally;

Tally tally_field(const char *value, gsize n);

/* From, Sender, Reply-To, To, Cc, Bcc, each also with Resent-. */
bool is_address_field(const char *name, gsize n);
