/* What the pieces of the Customers Mail Cloud driver share: its settings, its codes, the lists of what it delivered. */
#pragma once

#include "provider/judge.h"

#define CMC_PATH "/api/v2/emails/send.json"
#define CMC_DELIVERIES_PATH "/transaction/v2/deliveries/list.json"

typedef struct {
    char *api_user;
    char *api_key_file;
    char *server_composition; /* or NULL */
    char *deliveries_url;     /* complete after prepare */
    bool bulk;
    bool look_up; /* before a call is made again that got no answer */
} CmcConf;

/* The error codes of the API: what each means for the mail. Ends with a zero row. */
extern const JudgeRow cmc_codes[];

/* By which a call is found in the API's lists. */
const char *cmc_api_data(const Mail *mail, const Call *call);

/* A request with the account's credentials; the caller adds to it. */
HttpRequest *cmc_request(const Provider *self, const char *url);

/* Whether the try's step is to ask for what an earlier try did; the request of that step. */
bool cmc_is_look_up(const Provider *self, const CallTry *try);
HttpRequest *cmc_look_up(const Provider *self, const CallTry *try);

/* Reads the answer to that: true if it is the end of the try, whose outcomes it sets, else try->step is the next. */
bool cmc_judge_look_up(CallTry *try, const HttpResponse *response, Outcome *outcomes);

/* ProviderDriver.probe and .probed */
HttpRequest *cmc_probe(const Provider *self, const Secret *token);
bool cmc_probed(const Provider *self, const HttpResponse *response, Outcome *found);
