/* The text of a line of the journal that says of a delivered mail what a notice to its sender needs; the line's other
 * fields have the rest. Pure; any thread. */
#pragma once

#include "queue/feedback_store.h"
#include "queue/journal_line.h"

/* Appends ret, envid, listener, user, from, arrived_ms and header of the mail, and orcpt and notify of the recipient. */
void watch_line_print(const FeedbackMail *mail, const FeedbackRecipient *recipient, GString *out);

/* Such a text, of a mail that was delivered at another time than the line has. Caller frees. */
char *watch_line_date(const char *text, gint64 delivered_ms);

/* Reads a line; strings lie in it, or in text, a copy of its text that is changed. False: it names no recipient. */
bool watch_line_parse(const JournalLine *line, char *text, FeedbackMail *mail, FeedbackRecipient *recipient);
