/* HTML to the plain text a reader would want: blocks on lines of their own, lists
 * with bullets, table cells apart, links as `text <url>`, no scripts, styles or hidden elements, entities
 * decoded (by libxml2). Lines are not wrapped. Linear time, nothing recurses. Any thread. */
#pragma once

#include <glib.h>

/* html is valid UTF-8. Stops at max_bytes of text. Never NULL, LF line ends, no trailing blanks or line
 * end. Caller frees. */
char *html_text(const char *html, gsize max_bytes);
