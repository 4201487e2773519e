/* Reading the configuration again: all of it takes effect, or none. Sessions and deliveries go on by what they began
 * with. Loop thread; the files are read on a worker. */
#pragma once

#include "daemon/ingress.h"
#include "daemon/metrics.h"
#include "daemon/smtp_server.h"
#include "daemon/webhook.h"

typedef struct Reload Reload;

/* What follows the settings besides the hub; borrowed. */
typedef struct {
    SmtpServer *server;
    Metrics *metrics;
    Webhook *webhook;
} ReloadParts;

/* hub is borrowed, path for ever; changed is called after each that worked, with hub->settings the new ones and
 * `before` about to go. */
Reload *reload_new(IngressHub *hub, const ReloadParts *parts, const char *path,
                   void (*changed)(const Settings *before, void *user), void *user);

/* Once more if one is under way. */
void reload_start(Reload *self);

/* None takes effect any more; before the loop's last run. NULL is fine. */
void reload_free(Reload *self);
