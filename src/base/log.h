/* One event, one line: `event key=value key="value with blanks"`, on standard
 * error, which systemd passes to the journal with its level. Only relay/, daemon/
 * and programs log; libraries return errors. Any thread; a line is one write(2). */
#pragma once

#include <glib.h>
#include <syslog.h>

/* Longest line written, its newline included; values that don't fit are cut. */
#define LOG_LINE_BYTES 2048

/* Events less urgent than level (a syslog(3) level) are dropped. Default LOG_INFO.
 * With JOURNAL_STREAM in the environment lines begin with sd-daemon(3)'s "<level>". */
void log_open(int level);

/* From now on each line is a JSON object: time (RFC 3339, UTC), level, event, then the pairs as strings. Default no. */
void log_use_json(gboolean json);

/* Writes event and the pairs of (const char *key, const char *value) that follow, up
 * to a NULL key; pairs whose value is NULL are left out. Bytes that are not printable
 * UTF-8, quotes and backslashes in values come out escaped, so that whatever a
 * stranger sent stays one line. */
void log_event(int level, const char *event, ...) G_GNUC_NULL_TERMINATED;

/* True if an event of this level would be written: for values that cost work. */
gboolean log_wants(int level);

/* A number as a value, valid until the end of the full expression's block. */
#define LOG_NUM(n) log_num((char[24]) { 0 }, (n))
const char *log_num(char buf[24], gint64 n);
