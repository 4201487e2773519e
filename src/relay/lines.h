/* Breaks long lines of texts so that readers see no difference, or the least. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* True if a line of text has more than limit bytes. */
bool lines_are_long(const char *text, gsize limit);

/* The text with line ends put in where a line has more than limit bytes (300 at least): behind a blank or between
 * Japanese characters, else between any two characters; never inside a marker ##key##. UTF-8. Caller frees. */
char *lines_wrap_text(const char *text, gsize limit);

/* The same for HTML: inside a tag, where a line end means nothing, else at a blank, else in a comment made for it. A
 * line stays long where there is no such place: scripts, comments, quoted values. Caller frees. */
char *lines_wrap_html(const char *html, gsize limit);
