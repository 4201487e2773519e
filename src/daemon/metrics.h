/* Figures and health for whoever watches the daemon, over HTTP on a listener of their own (section [metrics]):
 * /metrics in Prometheus' text form, /health with 200, or 503 and what is wrong, a line each. Loop thread. */
#pragma once

#include "daemon/ingress.h"
#include "relay/journal.h"

typedef struct Metrics Metrics;

/* Opens what the hub's settings name, if anything; hub and journal, which may be NULL, are borrowed. An address that
 * cannot be had is logged: mail does not wait for it. */
Metrics *metrics_new(const IngressHub *hub, Journal *journal);

/* The settings are about to become these: opens their address. False sets an IoError, and nothing has changed. Either
 * way metrics_settle() follows; taken: they are in force. */
bool metrics_prepare(Metrics *self, const Settings *settings, GError **error);
void metrics_settle(Metrics *self, bool taken);

/* From now on it is not well: whoever watches sends nobody here any more. */
void metrics_drain(Metrics *self);

/* While hub and journal live. Their loop must run on until its handles are closed. NULL is fine. */
void metrics_close(Metrics *self);
