/* A line of the journal: what happened to a recipient of a mail, or to a mail, and when. In a file it is one line of
 * text, fields between tabs. Pure; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Strings are borrowed; NULL: not known. A file cannot tell an empty string from NULL. */
typedef struct {
    gint64 at_ms;
    const char *event;      /* the word of the log: "delivered", "queued", … */
    const char *id;         /* of the queue */
    const char *sender;     /* "<>" is the null sender */
    const char *recipient;
    const char *message_id; /* of the header, with its brackets */
    const char *remote_id;  /* the API's */
    const char *account;
    const char *call;       /* the call's key: the API's request_id where it has one */
    const char *dsn;
    const char *text;
    const char *digest;     /* event "accepted": what the duplicate window knows the mail by */
} JournalLine;

/* The event of a line that is no history, but for queue/watch_line.h. */
#define JOURNAL_WATCHED "watched"

/* Of a mail that was watched: it came back for a recipient, and its sender has been told (queue/feedback_recall.h). */
#define JOURNAL_RETURNED "returned"
#define JOURNAL_NOTICE "notice"

enum {
    JOURNAL_STRINGS = 11,
    JOURNAL_LINE_BYTES = 32 * 1024, /* at most, its newline included */
};

/* The strings by number, in the order of the struct. */
const char *journal_line_name(guint i);
const char *journal_line_get(const JournalLine *self, guint i);
void journal_line_set(JournalLine *self, guint i, const char *value);

/* Appends the line with its newline; strings that are too long are cut. */
void journal_line_print(const JournalLine *self, GString *out);

/* Reads a line of n bytes, in place of its newline a NUL, whatever the bytes are; the strings lie in text, which is
 * changed. False: it is no such line. Strings may hold any byte but NUL. */
bool journal_line_parse(char *text, gsize n, JournalLine *line);

/* Whether what is the id (with or without the Q of a reply), message id (with or without brackets), API id, call key,
 * the request_id that Arara was told for it, or recipient of the line. */
bool journal_line_fits(const JournalLine *self, const char *what);

/* Visits a number for each thing that journal_line_fits() would find it by; not two alike. */
void journal_line_keys(const JournalLine *self, void (*visit)(gint64 key, void *user), void *user);

/* Those of what: it is found where one of them was visited. Returns how many were set. */
enum { JOURNAL_WORDS = 2 };
guint journal_word_keys(const char *what, gint64 keys[JOURNAL_WORDS]);
