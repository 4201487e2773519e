/* Arara Message v2: a token by OAuth, one delivery object per call in a JSON body, a request id that keeps a
 * repeated call from being a second mail. Used through the registry in provider.c only. */
#pragma once

#include "provider/provider.h"

extern const ProviderDriver provider_arara;
