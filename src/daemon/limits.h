/* What a [listen NAME] section says about how much one client, one network or one user may take. Read with the
 * section; read-only then, any thread. */
#pragma once

#include "base/conf.h"

typedef struct {
    guint connections_per_network; /* 0: no limit */
} Limits;

extern const ConfKey limits_conf_keys[];

/* Reads the section's keys. per_client: what max-connections-per-client is there. */
bool limits_read(Limits *self, ConfFile *file, const char *name, guint per_client, GError **error);
void limits_clear(Limits *self);
