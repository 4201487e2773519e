/* The requests of Arara's v2, one function per call, and what they share with the driver. */
#pragma once

#include "http/oauth.h"
#include "query/driver.h"

typedef struct {
    OauthConf oauth;
    /* Where the reference has no URL, its guess or ours. */
    char *results_path, *dkim_path, *plan_path, *enable_path, *own_list_path;
} AraraQueryConf;

/* Addresses in one request: of the error filter when it is read (10,000 by the reference) and set (100), and of a lift,
 * which has no figure. */
enum { ARARA_FILTER_SHOWN = 10000, ARARA_FILTER_SET = 100, ARARA_LIFTED = 100 };

/* QueryCall.build */
HttpRequest *arara_direct(const QueryAsk *ask);
HttpRequest *arara_ask_status(const QueryAsk *ask);
HttpRequest *arara_ask_results(const QueryAsk *ask);
HttpRequest *arara_cancel(const QueryAsk *ask);
HttpRequest *arara_show_filter(const QueryAsk *ask);
HttpRequest *arara_set_filter(const QueryAsk *ask);
HttpRequest *arara_list_domains(const QueryAsk *ask);
HttpRequest *arara_add_domain(const QueryAsk *ask);
HttpRequest *arara_update_domain(const QueryAsk *ask);
HttpRequest *arara_remove_domain(const QueryAsk *ask);
HttpRequest *arara_ask_plan(const QueryAsk *ask);
HttpRequest *arara_ask_usage(const QueryAsk *ask);
HttpRequest *arara_list_unsubscribed(const QueryAsk *ask);
HttpRequest *arara_list_unsubscribed_own(const QueryAsk *ask);
HttpRequest *arara_enable_unsubscribe(const QueryAsk *ask);
HttpRequest *arara_lift_unsubscribed(const QueryAsk *ask);
