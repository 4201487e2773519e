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
