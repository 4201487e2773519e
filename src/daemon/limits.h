/* What a [listen NAME] section says about how much one client, one network or one user may take, and how well he must
 * behave. Read with the section; read-only then, any thread. */
#pragma once

#include "base/conf.h"
#include "daemon/rate.h"

typedef struct {
    guint connections_per_network; /* 0: no limit */
    bool lenient; /* unless it is said, where nobody but this machine comes in (reach.h) */
    gint64 error_delay_ms; /* 0: none; unless it is said, where lenient is not */
    char **client_messages, **client_recipients, **user_messages, **user_recipients;
    RateLimits client, user; /* what these say */
} Limits;

extern const ConfKey limits_conf_keys[];

/* Reads the section's keys. per_client: what max-connections-per-client is there. */
bool limits_read(Limits *self, ConfFile *file, const char *name, guint per_client, GError **error);
void limits_clear(Limits *self);

/* Whether anything is to be counted for clients, or for users. */
bool limits_has_rate(const RateLimits *self);

/* What is allowed and still likely to be wrong, or NULL. per_client as above; most_recipients: of one mail. Caller
 * frees. */
char *limits_doubt(const Limits *self, guint per_client, guint most_recipients);
