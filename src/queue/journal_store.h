/* What happened to the mails of the last weeks: the table that the journal's files are loaded into, and looked up in.
 * A file is a number and ".log"; that it was loaded is recorded with its lines, so that a crash in between doubles
 * none and loses none. Blocking calls; one thread at a time. Errors are StoreErrors. */
#pragma once

#include "queue/journal_line.h"
#include "queue/store.h"

typedef struct JournalStore JournalStore;

/* Makes folder/journal.db if it is not there. The folder is. */
JournalStore *journal_store_open(const char *folder, GError **error);

/* To look only: nothing in the folder is written, made or removed, a daemon may have it. */
JournalStore *journal_store_open_read(const char *folder, GError **error);

/* Who writes has the folder until he closes this descriptor; -1: somebody else has it, or there is none. */
int journal_lock(const char *folder);
void journal_store_close(JournalStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JournalStore, journal_store_close)

/* The name of a file of that number; caller frees. */
char *journal_file(const char *folder, guint64 number);

/* The files that are there, by number; caller frees. */
GArray *journal_files(const char *folder);

/* The number of the last file loaded; 0: none yet. */
bool journal_store_loaded(JournalStore *self, guint64 *number, GError **error);

/* Loads the file, unless it was, and removes it. Numbers must grow. What is not a line (the last one can be cut short)
 * is left out. Memory does not depend on the length. */
bool journal_store_load(JournalStore *self, guint64 number, GError **error);

/* Lines in the order they were written; borrowed during the visit. row grows. */
typedef void (*JournalVisit)(const JournalLine *line, gint64 row, void *user);

/* Those of an event from since_ms on. */
bool journal_store_since(JournalStore *self, const char *event, gint64 since_ms, JournalVisit visit, void *user,
                         GError **error);

/* Queue ids of the mails that what belongs to (see journal_line_fits()), the latest first, at most max; GPtrArray of
 * char *. more: there are others. */
GPtrArray *journal_store_mails(JournalStore *self, const char *what, guint max, bool *more, GError **error);

/* At most max lines of the mail with that queue id, from the row after that one on (0: all). */
typedef struct {
    const char *id;
    gint64 after;
    guint max;
} JournalPage;
bool journal_store_lines(JournalStore *self, const JournalPage *page, JournalVisit visit, void *user, GError **error);

/* At most max lines behind a row, of the events that page->id names here: " one other ". */
bool journal_store_after(JournalStore *self, const JournalPage *page, JournalVisit visit, void *user, GError **error);

/* The last row; 0: none. */
bool journal_store_last(JournalStore *self, gint64 *row, GError **error);

/* Removes at most max lines that are older. How many. */
bool journal_store_prune(JournalStore *self, gint64 before_ms, guint max, guint *n, GError **error);

typedef struct {
    gint64 bytes; /* of table and files */
    gint64 oldest_ms; /* 0: there is none */
} JournalStats;
bool journal_store_stats(JournalStore *self, JournalStats *stats, GError **error);
