/* Which account a mail goes through. Pure. */
#pragma once

#include "mail/envelope.h"
#include "relay/settings.h"

/* Never NULL; lives as long as the settings. */
const Provider *route_choose(const RelaySettings *settings, const Envelope *envelope);
