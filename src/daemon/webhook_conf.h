/* What [webhook] says: whether APIs may tell what became of mails, where, and what they must know. */
#pragma once

#include "base/conf.h"
#include "base/secret.h"
#include "io/endpoint.h"
#include "relay/settings.h"

typedef struct {
    char *address; /* NULL: nowhere */
    guint mode;    /* of a unix socket */
    char **networks;
    char *path;
    char *secret_file;
    gint64 max_bytes;
    char *account; /* of events that do not say whose they are; or NULL */
} WebhookConf;

extern const ConfKey webhook_conf_keys[];

typedef struct {
    WebhookConf conf;
    GArray *networks; /* of Network; NULL until read */
    Secret *secret;   /* NULL: none is wanted */
} WebhookAccess;

/* A listener that the network can reach must say who may come, and with what secret. relay has the accounts. */
bool webhook_read(WebhookAccess *self, ConfFile *file, const RelaySettings *relay, GError **error);
void webhook_clear(WebhookAccess *self);

/* The account whose server-composition that is, else the key `account`, else the only one there is; NULL: nobody's. */
const char *webhook_account(const WebhookAccess *self, const RelaySettings *relay, const char *composition);

/* Whether the account's own events, where its API posts them here, are taken for this account's. */
bool webhook_serves(const WebhookAccess *self, const RelaySettings *relay, const char *account);
