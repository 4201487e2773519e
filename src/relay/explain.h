/* What would become of a mail, without sending it: accounts, calls with their recipients, every field with its
 * length, and each thing that was mapped, adapted or refused. For `shimtad --explain` and tests; blocks. */
#pragma once

#include "queue/entry.h"
#include "relay/settings.h"

/* Takes entry. Appends an outline for people or, with json, one JSON object. A null envelope sender
 * is taken for the header's From. False if somebody would not get the mail. */
bool relay_explain(RelaySettings *settings, Entry *entry, bool json, GString *out);
