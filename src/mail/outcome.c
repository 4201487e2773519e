#include "mail/outcome.h"

#include <string.h>

#define TEXT_BYTES 400

static char *
printable(const char *text)
{
    char *copy = g_strndup(text ? text : "", TEXT_BYTES);

    for (char *p = copy; *p; p++)
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
        else if (!g_ascii_isprint(*p))
            *p = '?';
    return g_strstrip(copy);
}

void
outcome_set(Outcome *self, OutcomeVerdict verdict, int code, const char *dsn, const char *text)
{
    Outcome next = { .verdict = verdict, .code = code, .text = printable(text) };

    g_strlcpy(next.dsn, dsn ? dsn : "", sizeof next.dsn);
    outcome_clear(self);
    *self = next;
}

void
outcome_clear(Outcome *self)
{
    g_free(self->text);
    g_free(self->remote_id);
    memset(self, 0, sizeof *self);
}

void
outcome_copy(Outcome *to, const Outcome *from)
{
    Outcome next = *from;

    next.text = g_strdup(from->text);
    next.remote_id = g_strdup(from->remote_id);
    outcome_clear(to);
    *to = next;
}

const char *
outcome_verdict_name(OutcomeVerdict verdict)
{
    switch (verdict) {
    case OUTCOME_OPEN:
        return "open";
    case OUTCOME_DELIVERED:
        return "delivered";
    case OUTCOME_TRANSIENT:
        return "transient";
    case OUTCOME_PERMANENT:
        return "permanent";
    case OUTCOME_UNKNOWN:
        return "unknown";
    }
    return "?";
}

static void
clear_element(void *element)
{
    outcome_clear(element);
}

GArray *
outcomes_new(guint n)
{
    GArray *array = g_array_sized_new(FALSE, TRUE, sizeof(Outcome), n);

    g_array_set_clear_func(array, clear_element);
    g_array_set_size(array, n);
    return array;
}
