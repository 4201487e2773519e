/* Arguments as a list of words, whichever way they come. */
#pragma once

#include <glib.h>

/* Appends copies of a word to words; of "-" those that standard input has, one a line, blank lines being none. An exit
 * status; complains: of what is not UTF-8, of too many, of input that cannot be read. */
int words_add(GPtrArray *words, const char *text);

/* The arguments likewise, which end with NULL. Caller unrefs; NULL sets the exit status. Where "-" brought nothing and
 * nothing else is there, that is an error: EX_USAGE. */
GPtrArray *words_read(char **args, int *status);
