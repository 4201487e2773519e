/* Takes an account's secrets out of what its API says, in each form in which one may come back: as it is, with its
 * characters written as in a URL, a form, XML or JSON, or only a good part of its beginning. Private to the readers.
 * Pure. */
#pragma once

#include "query/query.h"

/* text with "***" for each of the account's secrets and the token that has at least so many bytes. Caller frees. */
char *blot_text(const QueryAsk *ask, const char *text, gsize shortest);

/* The same of a text that is no error's: a secret that could be a word is none to take out. Caller frees. */
char *blot_row_text(const QueryAsk *ask, const char *text);

/* The same in the names and values of a row; NULL: there is none in it, and the row is to be used as it is. Caller frees. */
QueryRow *blot_row(const QueryAsk *ask, const QueryRow *row);
