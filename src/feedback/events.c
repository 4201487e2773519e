#include "feedback/state.h"

#include <string.h>

enum { TEXT_BYTES = 400 };

FeedbackEvents *
feedback_events_new(const char *account, const char *source)
{
    FeedbackEvents *self = g_new0(FeedbackEvents, 1);

    self->account = g_strdup(account);
    self->source = g_strdup(source);
    self->strings = g_string_chunk_new(1024);
    self->rows = g_array_new(FALSE, FALSE, sizeof(QueryEvent));
    return self;
}

void
feedback_events_free(FeedbackEvents *self)
{
    if (!self)
        return;
    g_array_unref(self->rows);
    g_string_chunk_free(self->strings);
    g_free(self->account);
    g_free(self->source);
    g_free(self);
}

/* On one line, at most max bytes. */
static const char *
kept(FeedbackEvents *self, const char *text, gsize max)
{
    if (!text || !*text)
        return NULL;
    g_autofree char *cut = g_strndup(text, max);
    g_autofree char *valid = g_utf8_make_valid(cut, -1);
    for (char *p = valid; *p; p++)
        *p = g_ascii_iscntrl(*p) ? ' ' : *p;
    return g_string_chunk_insert(self->strings, valid);
}

void
feedback_events_add(FeedbackEvents *self, const QueryEvent *event)
{
    QueryEvent copy = *event;
    const char **texts[] = { &copy.address, &copy.sender, &copy.id, &copy.request_id, &copy.message_id, &copy.tag,
                             &copy.code, &copy.reason };

    if (!event->address || !*event->address)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        *texts[i] = kept(self, *texts[i], i == 7 ? TEXT_BYTES : 1024);
    g_array_append_val(self->rows, copy);
}

void
feedback_events_told_once(FeedbackEvents *self)
{
    self->told_once = true;
}

guint
feedback_events_size(const FeedbackEvents *self)
{
    return self->rows->len;
}
