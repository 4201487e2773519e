/* What an entry remembers of its recipients' tries. Loop thread, while nobody reads the entry. */
#pragma once

#include "relay/report.h"

/* The call that service names is on its way with him, or may be before anybody writes the entry again. */
void tries_note_calling(Entry *entry, guint place, const Service *service);

/* While others are on their way his call has come to an outcome; unless another account may still make it a better
 * one it is his. */
void tries_note_outcome(Entry *entry, guint place, const Service *service, const Outcome *outcome);

/* No call is on its way with him any more. */
void tries_note_result(Entry *entry, guint place, const Service *service, OutcomeVerdict verdict);
