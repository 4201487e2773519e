/* An answer in JSON as it came, for whoever shows it whole. Pure. */
#pragma once

#include "query/query.h"

/* Whether what has come of an answer begins as JSON does that is more than one value. */
bool json_line_fits(const GString *answer);

/* json, which a QueryReader of that ask has read to its end, on one line of UTF-8: without the blanks between its
 * values, with "***" for secrets of the account wherever a row would have it; numbers and all other strings as they are
 * written. Caller frees. */
char *json_line(const QueryAsk *ask, const GString *json);
