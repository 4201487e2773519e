/* What an entry remembers of its recipients' tries. Loop thread, while nobody reads the entry. */
#pragma once

#include "relay/report.h"

/* The call that service names was made for him, and perhaps taken without an answer. */
void tries_note_call(Entry *entry, guint place, const Service *service, bool maybe_taken);

/* The same with an outcome, unless another account may still make it a better one. */
void tries_note_outcome(Entry *entry, guint place, const Service *service, const Outcome *outcome);
