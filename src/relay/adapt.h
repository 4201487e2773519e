/* A mail against what its account's API can carry (TRANSLATION.md section 6). Pure; any thread. */
#pragma once

#include "provider/provider.h"

/* True if the mail fits. Otherwise refusal is set to a permanent outcome that names the limit. */
bool adapt_fits(const Mail *mail, const ProviderLimits *limits, Outcome *refusal);

/* True if every address of the call can be written in ASCII: no API takes others. */
bool adapt_addresses_fit(const Mail *mail, const Call *call, Outcome *refusal);
