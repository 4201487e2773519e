/* Texts cut to a length. Pure; any thread. */
#pragma once

#include <glib.h>

/* At most max bytes of a text, none of a UTF-8 character that is not whole. Caller frees. */
char *cut_text(const char *text, gsize max);
