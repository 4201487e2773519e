/* What an API tells by itself (section [webhook]): events posted over HTTP, answered with 200 once what follows from them
 * is stored, and with 503 when it cannot be, so that they come again. Now that of Customers Mail Cloud, query/cmc_event.h.
 * Loop thread. */
#pragma once

#include "daemon/ingress.h"
#include "feedback/feedback.h"

typedef struct Webhook Webhook;

/* Opens what the hub's settings name, if anything. hub is borrowed. An address that cannot be had is logged. */
Webhook *webhook_new(const IngressHub *hub);

/* Events go there; until then they are answered 503. feedback is borrowed. */
void webhook_tell(Webhook *self, Feedback *feedback);

/* FeedbackHub.is_told, of a Webhook: whether it is open, and the account's events are taken. */
bool webhook_hears(const char *account, void *user);

/* As metrics_prepare() and metrics_settle(). */
bool webhook_prepare(Webhook *self, const Settings *settings, GError **error);
void webhook_settle(Webhook *self, bool taken);

/* While hub and feedback live. Its loop must run on until its handles are closed; what feedback has it may finish later.
 * NULL is fine. */
void webhook_close(Webhook *self);
