/* xtext of RFC 3461: how text travels as the value of a parameter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define XTEXT_ROOM(n) (3 * (n) + 4) /* for any text of n bytes */

/* False: it does not fit, and its end is left out. */
bool xtext_encode(char *out, size_t room, const char *text);
