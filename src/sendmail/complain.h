/* What sendmail says to its caller: one line "sendmail: …" on standard error. Every module of this
 * folder uses it; one thread. Control characters in the text become '?'. */
#pragma once

#include <stdbool.h>

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on say nothing (-oeq), or something again. */
void complain_not(bool silent);
