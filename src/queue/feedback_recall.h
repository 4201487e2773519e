/* What the journal still knows of a feedback.db that was lost or set aside: who had come back, and whose sender had been
 * told, so that nobody is told twice. Of a FeedbackStore, within its groups; lines in the order they were written. */
#pragma once

#include "queue/feedback_store.h"
#include "queue/journal_line.h"

/* Up to which row of the journal it is recalled; 0: nothing is. */
bool feedback_recall_until(FeedbackStore *self, gint64 *row, GError **error);

/* The store is new, and the journal ends there. */
bool feedback_recall_begin(FeedbackStore *self, gint64 row, GError **error);

/* A line "returned" or "notice" of a mail that is watched (others change nothing). */
bool feedback_recall_line(FeedbackStore *self, const JournalLine *line, GError **error);

/* That was the last: whoever has not been told is owed it. */
bool feedback_recall_end(FeedbackStore *self, GError **error);
