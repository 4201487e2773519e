/* The DNS record that publishes a DKIM key (RFC 6376, section 3.6), made of an API's answer as a line that can be pasted
 * into a zone file (RFC 1035, section 5.1). The reference says that the answer "adds DNS values", not how they are called:
 * they are told by what they look like. Pure; any thread. */
#pragma once

#include "query/row.h"

/* `selector._domainkey.domain. IN TXT ( "…" "…" )`, in strings of at most 255 bytes; the row's own selector and domain
 * come first. NULL: there is no key in the row, or no selector. Caller frees. */
char *dns_record(const QueryRow *row, const char *domain, const char *selector);
