#include "provider/arara_request.h"

#include "http/json.h"
#include "provider/judge.h"

/* Too short for one of ours. */
#define NO_REQUEST "shimtacheck"

/* A look-up of what was never sent: that a token was issued shows the credentials, this shows that it is taken. */
HttpRequest *
arara_probe(const Provider *self, const Secret *token)
{
    return arara_look_up(self, token, NO_REQUEST);
}

bool
arara_probed(const Provider *self, const HttpResponse *response, Outcome *found)
{
    g_autoptr(cJSON) answer = json_parse(response->body, response->body_length);
    const char *message = json_string(answer, "message");
    bool listed = response->status / 100 == 2 && cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(answer, "items"));

    if (response->transport == HTTP_OK && (listed || (response->status == 404 && message))) {
        outcome_set(found, OUTCOME_DELIVERED, 250, "2.0.0", "The API answers and takes the token");
        return true;
    }
    if (response->transport == HTTP_OK && message) {
        g_autofree char *text = judge_text(self, NULL, message);
        judge_status(found, 1, response, text);
        return false;
    }
    judge_default(found, 1, response);
    return false;
}
