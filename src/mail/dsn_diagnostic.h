/* What another mail system has said of a recipient, as a field of a delivery status notification has it. Pure; any
 * thread. */
#pragma once

#include <glib.h>

/* Appends the value of a Diagnostic-Code (RFC 3464, section 2.3.6), folded where it is long: words that begin with a reply
 * code are SMTP's and stay as they are; others are of a type of our own, since nobody knows whose they were. From the
 * first one on that is not ASCII words are encoded in a comment, where section 2.1.1 allows it. words is not empty. */
void dsn_diagnostic(const char *words, GString *out);
