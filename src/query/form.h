/* Forms as programs post them: application/x-www-form-urlencoded (WHATWG URL, section 5.1) and multipart/form-data (RFC
 * 7578). Foreign bytes; time and memory grow with their number alone. Pure; any thread. */
#pragma once

#include <glib.h>

/* The first value of that name, or NULL. type: of the body, with its parameters; NULL or another: urlencoded. The caller
 * frees. */
GString *form_value(const char *type, const char *bytes, gsize n, const char *name);
