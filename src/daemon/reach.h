/* Who reaches a listener, and that this makes no open relay: a listener that strangers from anywhere reach knows them all,
 * or takes mail for named recipients only; and nobody is believed who he or another is that could be anybody. Pure. */
#pragma once

#include "daemon/settings.h"

/* Fills networks, proxies and trusted from the section's keys; after secure_read() and access_read(). */
bool reach_read(Listen *self, const ConfFile *file, GError **error);
