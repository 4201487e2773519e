/* Arara replaces ##key## in subject, text and HTML by what a recipient's substitutions say about key. Mail
 * holds such text by chance (headings, lines of #, logs), which must come out unchanged: every key that a renderer
 * could read there is defined as its marker's own text. Pure. */
#pragma once

#include <glib.h>

/* The substitutions object that leaves all of the texts (NULL-terminated) as they are, as JSON; NULL if there is
 * nothing to define. */
GBytes *arara_markers(const char *const *texts);
