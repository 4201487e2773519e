/* Tells an account's senders, one notice after another. Each has its id in the store before it is handed over, and is
 * marked as told behind that: after a crash in between the queue, or the Maildir, knows it by its id; without a crash it
 * is marked later, not told again. What fails is tried again after ever longer times (feedback/again.h), a notice that is
 * refused behind the others, and at last it is given up (feedback/dead.h). Private to feedback. Loop thread. */
#pragma once

#include "feedback/state.h"

/* feedback must live as long. */
FeedbackTeller *teller_new(Feedback *feedback, const char *account);

/* Somebody is owed a notice: begins with the first, unless a chain is on its way or rests, which looks again then. */
void teller_begin(FeedbackTeller *self);

/* Other settings are in force: what has failed is tried at once. A target that is named no more is not waited for. */
void teller_reload(FeedbackTeller *self);

/* A target is not waited for any longer; what it may have got already stays owed. */
void teller_stop(FeedbackTeller *self);

/* Not while a chain is on its way, which holds the Feedback. */
void teller_free(FeedbackTeller *self);
