#include "sandbox/exchange.h"

void
answer_take(Answer *self, unsigned status, const char *type, GString *body)
{
    if (self->body)
        g_string_free(self->body, TRUE);
    self->status = status;
    self->type = type;
    self->body = body ? body : g_string_new(NULL);
}

void
answer_text(Answer *self, unsigned status, const char *type, const char *text)
{
    answer_take(self, status, type, g_string_new(text));
}

void
answer_json(Answer *self, unsigned status, cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);

    answer_text(self, status, "application/json", text);
    cJSON_free(text);
    cJSON_Delete(json);
}
