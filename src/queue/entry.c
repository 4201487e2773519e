#include "queue/entry.h"

#include "base/clock.h"
#include "base/id.h"

static void
try_clear(void *data)
{
    EntryTry *self = data;

    g_free(self->account);
    g_free(self->call_key);
}

GArray *
entry_tries_new(guint n)
{
    GArray *tries = g_array_sized_new(FALSE, TRUE, sizeof(EntryTry), n);

    g_array_set_clear_func(tries, try_clear);
    g_array_set_size(tries, n);
    return tries;
}

Entry *
entry_new(Envelope *envelope, Spool *spool, Scan *scan)
{
    Entry *self = g_new0(Entry, 1);

    self->id = id_queue();
    self->arrived_ms = clock_now();
    self->envelope = envelope;
    self->spool = spool;
    self->scan = scan;
    self->outcomes = outcomes_new(envelope->recipients->len);
    self->tries = entry_tries_new(envelope->recipients->len);
    return self;
}

void
entry_set_envelope(Entry *self, Envelope *envelope)
{
    if (envelope != self->envelope)
        envelope_free(self->envelope);
    g_array_unref(self->outcomes);
    g_array_unref(self->tries);
    self->envelope = envelope;
    self->outcomes = outcomes_new(envelope->recipients->len);
    self->tries = entry_tries_new(envelope->recipients->len);
}

const char *
entry_message_id(const Entry *self)
{
    return self->message_id ? self->message_id : self->scan ? scan_message_id(self->scan) : NULL;
}

guint
entry_open(const Entry *self)
{
    guint open = 0;

    for (guint i = 0; i < self->tries->len; i++)
        open += !g_array_index(self->tries, EntryTry, i).closed;
    return open;
}

void
entry_free(Entry *self)
{
    if (!self)
        return;
    g_free(self->id);
    envelope_free(self->envelope);
    spool_unref(self->spool);
    scan_free(self->scan);
    g_free(self->message_id);
    g_array_unref(self->outcomes);
    g_array_unref(self->tries);
    g_free(self->held);
    g_free(self);
}

bool
entry_is_overdue(const Entry *self, gint64 now_ms)
{
    return self->envelope->by_ms > 0 && now_ms >= self->envelope->by_ms;
}

bool
entry_is_too_late(const Entry *self, gint64 now_ms)
{
    if (self->cut_off || !(self->envelope->by_flags & ENVELOPE_BY_RETURN) || !entry_is_overdue(self, now_ms))
        return false;
    for (guint i = 0; i < self->tries->len; i++) {
        const EntryTry *try = &g_array_index(self->tries, EntryTry, i);
        if (!try->closed && try->maybe_taken)
            return false;
    }
    return true;
}
