#include "relay/repeat.h"

#include "relay/report.h"
#include "relay/waiter.h"

struct Repeat {
    DuplicateGuest guest; /* first */
    Repeats *repeats;
    DuplicateKey key;
    char *id;             /* of the mail he brought */
    Waiter *waiter;       /* NULL: he has left, his job goes on */
    struct RelayJob *job; /* the host's */
    Reply reply;          /* of who is answered in the next turn */
    GList link;           /* in repeats->known, likewise */
};

struct Repeats {
    Duplicates *duplicates;
    const RepeatOps *ops;
    GQueue known; /* of Repeat */
    uv_timer_t timer;
    void (*closed)(void *user);
    void *user;
};

static void
repeat_free(Repeat *self)
{
    reply_clear(&self->reply);
    g_free(self->id);
    g_free(self);
}

/* His waiter is told, who is not bound to him any more. */
static void
answer(Repeat *self, const Reply *reply, const GArray *each)
{
    Waiter *waiter = self->waiter;

    waiter->repeat = NULL;
    waiter_answer(waiter, reply, each);
    repeat_free(self);
}

static void
on_host_settled(DuplicateGuest *guest, const Reply *reply, const GArray *each)
{
    answer((Repeat *) guest, reply, each);
}

static void
answer_known(Repeats *self)
{
    GList *link;

    while ((link = g_queue_pop_head_link(&self->known))) {
        Repeat *repeat = link->data;
        answer(repeat, &repeat->reply, NULL);
    }
}

static void
on_timer(uv_timer_t *timer)
{
    answer_known(timer->data);
}

Repeats *
repeats_new(uv_loop_t *loop, gint64 window_ms, const RepeatOps *ops)
{
    Repeats *self = g_new0(Repeats, 1);

    self->duplicates = duplicates_new(window_ms, DUPLICATES_MAX);
    self->ops = ops;
    g_queue_init(&self->known);
    uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    return self;
}

Duplicates *
repeats_known(Repeats *self)
{
    return self->duplicates;
}

static void
on_closed(uv_handle_t *handle)
{
    Repeats *self = handle->data;

    duplicates_free(self->duplicates);
    self->closed(self->user);
    g_free(self);
}

void
repeats_close(Repeats *self, void (*closed)(void *user), void *user)
{
    answer_known(self);
    self->closed = closed;
    self->user = user;
    uv_close((uv_handle_t *) &self->timer, on_closed);
}

/* --- a mail comes ---------------------------------------------------------------------------------------- */

static void
be_answered(Repeats *self, Repeat *repeat)
{
    repeat->waiter->repeat = repeat;
    repeat->link.data = repeat;
    g_queue_push_tail_link(&self->known, &repeat->link);
    uv_timer_start(&self->timer, on_timer, 0, 0);
}

/* The host's client may have left: that is why this one is here. */
static void
join(Repeats *self, Repeat *repeat)
{
    Repeat *host = (Repeat *) duplicates_host(&repeat->guest);

    report_again(repeat->id, host->id, NULL);
    if (host->waiter) {
        repeat->waiter->repeat = repeat;
        return;
    }
    struct RelayJob *job = host->job;
    Repeat *next = (Repeat *) duplicates_leave(self->duplicates, &host->guest);
    g_assert(next == repeat); /* without a waiter there is nobody who joined */
    repeat_free(host);
    repeat->job = job;
    self->ops->adopt(job, repeat, repeat->waiter);
}

bool
repeats_meet(Repeats *self, Entry *entry, Waiter *waiter, Repeat **part)
{
    DuplicateKey key;

    *part = NULL;
    if (!entry->scan || !duplicate_key(&key, entry->envelope, entry->scan))
        return false;
    Repeat *repeat = g_new0(Repeat, 1);
    repeat->key = key;
    repeat->guest.answer = on_host_settled;
    repeat->repeats = self;
    repeat->id = g_strdup(entry->id);
    repeat->waiter = waiter;
    switch (duplicates_meet(self->duplicates, &key, &repeat->guest, &repeat->reply)) {
    case DUPLICATE_FRESH:
        *part = repeat;
        return false;
    case DUPLICATE_KNOWN:
        report_again(repeat->id, NULL, repeat->reply.text);
        be_answered(self, repeat);
        break;
    case DUPLICATE_JOINED:
        join(self, repeat);
        break;
    }
    entry_free(entry);
    return true;
}

/* --- a job goes on --------------------------------------------------------------------------------------- */

void
repeat_start(Repeat *part, struct RelayJob *job)
{
    if (part)
        part->job = job;
}

bool
repeat_joined(const Repeat *part)
{
    return part && duplicates_joined(&part->guest);
}

Waiter *
repeat_next(Repeat **part)
{
    Repeat *host = *part;

    if (!host)
        return NULL;
    host->waiter = NULL;
    if (!duplicates_joined(&host->guest))
        return NULL;
    Repeat *next = (Repeat *) duplicates_leave(host->repeats->duplicates, &host->guest);
    next->job = host->job;
    next->waiter->repeat = NULL;
    repeat_free(host);
    *part = next;
    return next->waiter;
}

void
repeat_report(const Repeat *part, const char *id, const Reply *reply, bool final)
{
    char digest[DUPLICATE_HEX_BYTES];

    if (!part || !part->guest.flight || reply->code != 250 || !final)
        return;
    duplicate_key_print(&part->key, digest);
    report_accepted(id, digest, reply->text);
}

void
repeat_settle(Repeat *part, const char *id, const Reply *reply, const GArray *each, bool final)
{
    if (!part)
        return;
    Duplicates *duplicates = part->repeats->duplicates;
    if (final || duplicates_joined(&part->guest))
        duplicates_settle(duplicates, &part->guest, id, reply, each);
    else
        duplicates_leave(duplicates, &part->guest);
    repeat_free(part);
}

void
repeat_abandon(Waiter *waiter)
{
    Repeat *self = g_steal_pointer(&waiter->repeat);

    if (self->guest.flight)
        duplicates_leave(self->repeats->duplicates, &self->guest);
    else
        g_queue_unlink(&self->repeats->known, &self->link);
    repeat_free(self);
}
