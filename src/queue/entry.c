#include "queue/entry.h"

#include "base/clock.h"
#include "base/id.h"

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
    return self;
}

void
entry_set_envelope(Entry *self, Envelope *envelope)
{
    if (envelope != self->envelope)
        envelope_free(self->envelope);
    g_array_unref(self->outcomes);
    self->envelope = envelope;
    self->outcomes = outcomes_new(envelope->recipients->len);
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
    g_array_unref(self->outcomes);
    g_free(self);
}
