/* What the query tests share: accounts, and a printed row. */
#pragma once

#include "query/reader.h"

/* An account of that driver with the secret "key-of-tests" at https://api.test. */
QueryAccount *fixture_account(const char *driver, const char *more, GError **error);

/* "name: value" lines and an empty one; user is a GString. A QuerySink. */
void fixture_print_row(const QueryRow *row, void *user);

/* "auth", "limit", …: of an error of QUERY_ERROR. */
const char *fixture_error_name(const GError *error);
