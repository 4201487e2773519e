/* The log of the relay: one line per recipient and outcome, one per note on what was changed. Loop thread. */
#pragma once

#include "provider/provider.h"
#include "queue/entry.h"

/* delivered, deferred, refused or unknown, once for each outcome of the entry. */
void report_outcomes(const Entry *entry, const Provider *provider, gint64 api_us);

void report_notes(const Entry *entry, const Mail *mail);

/* The entry was given up before its recipients were known. */
void report_dropped(const char *id, const char *why);
