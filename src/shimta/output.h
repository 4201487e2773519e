/* What the operator sees: text of mails made harmless for a terminal, times, sizes, progress. */
#pragma once

#include "http/json.h"

#include <stdbool.h>

/* Text of a stranger on one line: control characters and what could turn the line around become escapes. NULL becomes
 * "-". Caller frees. */
char *output_clean(const char *text);

/* The string at name, likewise. */
char *output_string(const cJSON *row, const char *name);
gint64 output_number(const cJSON *row, const char *name);

/* "2026-11-22 01:02:03", local time. Caller frees. */
char *output_time(gint64 at_ms);

/* "45s", "12m", "3h", "2d"; how long from one to the other. Caller frees. */
char *output_span(gint64 ms);

/* "12 KB". Caller frees. */
char *output_size(gint64 bytes);

/* A line of JSON, in which what output_clean() escapes is escaped, too. */
void output_json(const cJSON *row);
void output_json_text(const char *json); /* the same of JSON on one line, in UTF-8 */

/* On a terminal, once it takes longer than a second: how many there were so far. */
void output_progress(const char *what, guint64 n);
void output_progress_end(void);

/* What the program waits for from now on, likewise, until output_wait_end(). No wait within another. */
void output_wait(const char *what);
void output_wait_end(void);
