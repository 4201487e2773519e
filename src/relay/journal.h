/* The journal: a line for whatever happens to a mail, kept for weeks, for `shimta trace`. A line is in a file before
 * journal_write() returns, hence before any reply that follows: it survives the end of the process, however sudden.
 * Once a second a worker loads what was written into a table (queue/journal_store.h), and removes what is old. Does not
 * keep the loop alive until it is closed or asked. Loop thread. */
#pragma once

#include "queue/journal_store.h"

#include <uv.h>

typedef struct Journal Journal;

/* Loads what the last process has left, or tries to: lines are written whatever the table's state. Blocks. Fails
 * only when no file can be written. folder is made if it is not there. lifetime_ms: how long lines are kept. */
Journal *journal_open(uv_loop_t *loop, const char *folder, gint64 lifetime_ms, GError **error);

/* The line's time is set here. False: it cannot be written; one line of the log says so, and mail goes on. NULL is fine. */
bool journal_write(Journal *self, JournalLine *line);

/* Visits the lines of an event from since_ms on. Blocks: before the loop runs. */
bool journal_each(Journal *self, const char *event, gint64 since_ms, JournalVisit visit, void *user, GError **error);

typedef struct {
    /* On a worker: user and the store, which has what was written before, belong to it. False sets error. */
    bool (*run)(JournalStore *store, void *user, GError **error);

    /* On the loop, exactly once, never before journal_do() has returned. */
    void (*done)(void *user, const GError *error);
} JournalTask;

/* task is borrowed until done; in the order of calls. There is no cancelling: user must live until then. While what was
 * written cannot be loaded, the store lacks it. */
void journal_do(Journal *self, const JournalTask *task, void *user);

/* The same for a task that fails then. */
void journal_do_whole(Journal *self, const JournalTask *task, void *user);

/* Nothing may be asked or written any more; what was asked is answered first. Memory is freed once the loop has closed its handles.
 * NULL is fine. */
void journal_close(Journal *self);
