/* URLs of the configuration. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Why no request may go to url (a literal text), or NULL if it may: https, or http to this host (allow_http:
 * to any); no user, query or fragment, nothing that two parsers could read differently. */
const char *http_url_fault(const char *url, bool allow_http);
