/* Names that must not repeat. Any thread. */
#pragma once

#include <glib.h>

/* Queue id: 16 characters of [0-9A-Za-z] without vowels, the time first, so that ids sort
 * by age; unguessable enough to be quoted in a reply. Caller frees. */
char *id_queue(void);

/* The queue id that a time (milliseconds) and a random number of somebody else make: always the same one. */
char *id_queue_of(guint64 ms, guint64 random);

/* The queue id in a word: replies put a Q before it. Else the word itself; part of it, NULL is fine. */
const char *id_bare(const char *word);

/* A Message-ID with its angle brackets: <id@hostname>. Caller frees. */
char *id_message(const char *id, const char *hostname);

/* The id that Arara is told as the request_id of a call with that key: hexadecimal digits. Caller frees. */
enum { ID_CALL = 32 };
char *id_of_call(const char *key);
