/* What the pieces of the Arara driver share: its settings, the steps of a try and their requests. */
#pragma once

#include "http/oauth.h"
#include "provider/provider.h"

typedef struct {
    OauthConf oauth;
    int multi_to;       /* ARARA_MULTI_TO_… */
    guint max_subject;  /* bytes */
    guint max_recipients;
} AraraConf;

enum { ARARA_MULTI_TO_CC, ARARA_MULTI_TO_SEPARATE };

/* Of a try. A refused request id leads from the first to the second, and on if it is not ours. */
enum { ARARA_SEND, ARARA_LOOK_UP, ARARA_SEND_AGAIN };

/* The id of the delivery that the step is about, [0-9a-f]{32}: it follows from the call's key alone. Caller frees. */
char *arara_request_id(const CallTry *try);

/* The request of a look-up by request id. */
HttpRequest *arara_look_up(const Provider *self, const Secret *token, const char *request_id);

/* ProviderDriver.build and .login */
HttpRequest *arara_build(const Provider *self, const CallTry *try);
HttpRequest *arara_login(const Provider *self);

/* ProviderDriver.judge and .token */
HttpRequest *arara_judge(const Provider *self, CallTry *try, const HttpResponse *response, Outcome *outcomes);
Secret *arara_token(const Provider *self, const HttpResponse *response, gint64 *lifetime_ms, Outcome *refusal);

/* ProviderDriver.probe and .probed */
HttpRequest *arara_probe(const Provider *self, const Secret *token);
bool arara_probed(const Provider *self, const HttpResponse *response, Outcome *found);
