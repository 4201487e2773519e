#include "sandbox/feedback.h"

#include <string.h>

#include "sandbox/role.h"

enum { FILTER_MAX = 200000, UNSUBSCRIBES_MAX = 100000, HARD_TENTHS = 10, SOFT_TENTHS = 5, BLOCKED_TENTHS = 990 };

struct Feedback {
    const Ledger *ledger;
    Timing timing;
    ErrorFilter *filter;
    Unsubscribes *unsubscribes;
    guint64 seen;               /* number of the last row whose results are noted, or that is in reserved */
    GArray *reserved;           /* guint64, numbers of rows that are sent later */
    gint64 reserved_due_us;     /* no result of theirs comes before */
};

Feedback *
feedback_new(const Ledger *ledger, const Timing *timing)
{
    Feedback *self = g_new0(Feedback, 1);

    self->ledger = ledger;
    self->timing = *timing;
    self->filter = error_filter_new(FILTER_MAX);
    self->unsubscribes = unsubscribes_new(UNSUBSCRIBES_MAX);
    self->reserved = g_array_new(FALSE, FALSE, sizeof(guint64));
    return self;
}

void
feedback_free(Feedback *self)
{
    if (!self)
        return;
    error_filter_free(self->filter);
    unsubscribes_free(self->unsubscribes);
    g_array_unref(self->reserved);
    g_free(self);
}

static bool
is_arara(const LedgerRow *row)
{
    return strcmp(row->api, "arara") == 0;
}

/* "0a1b2c-ID@host": of Arara it is only said that it contains the delivery's id. */
static char *
message_id_of(const LedgerRow *row, guint place)
{
    if (is_arara(row))
        return g_strdup_printf("%06x-%s@mx.sandbox.invalid", place, row->id);
    if (!row->id)
        return g_strdup("");
    return g_strndup(row->id + 1, strlen(row->id) - 2);
}

static void
note_unsubscribe(Feedback *self, const LedgerRow *row, guint place)
{
    const char *url = row->unsubscribe_urls ? row->unsubscribe_urls[place] : NULL;
    bool own = url && !g_str_has_prefix(url, UNSUBSCRIBE_URL);

    /* Without one-click there is no link to follow, and one of the customer's leads to himself. */
    if (is_arara(row) && (own || !unsubscribes_is_enabled(self->unsubscribes, row->from)))
        return;
    g_autofree char *message_id = message_id_of(row, place);
    g_autofree char *appended = url ? g_strdup(url + strlen(UNSUBSCRIBE_URL)) : NULL;
    Unsubscribe entry = {
        .scope = is_arara(row) ? row->from : (char *) "", .address = row->to[place], .message_id = message_id,
        .appended = appended, .time_us = row->due_us + self->timing.event_us,
    };
    unsubscribes_add(self->unsubscribes, &entry);
}

static void
note(Feedback *self, const LedgerRow *row)
{
    gint64 time_us = row->due_us + self->timing.event_us;

    for (guint i = 0; i < row->recipients && !row->cancelled; i++) {
        Role role = (Role) row->roles[i];
        if (role == ROLE_UNSUBSCRIBE)
            note_unsubscribe(self, row, i);
        else if (is_arara(row) && (role == ROLE_BOUNCE || role == ROLE_MAILBOX_FULL))
            error_filter_raise(self->filter, row->to[i], role == ROLE_BOUNCE ? HARD_TENTHS : SOFT_TENTHS, time_us);
    }
}

static const LedgerRow *
row_after(const Feedback *self, guint64 number)
{
    const GPtrArray *rows = ledger_rows(self->ledger);
    guint at = ledger_first_above(self->ledger, number);

    return at < rows->len ? rows->pdata[at] : NULL;
}

static void
run_reserved(Feedback *self, gint64 now_us)
{
    self->reserved_due_us = G_MAXINT64;
    for (guint i = self->reserved->len; i > 0; i--) {
        guint64 number = g_array_index(self->reserved, guint64, i - 1);
        const LedgerRow *row = row_after(self, number - 1);
        gint64 due_us = row && row->number == number ? row->due_us + self->timing.event_us : 0;
        if (due_us > now_us) {
            self->reserved_due_us = MIN(self->reserved_due_us, due_us);
            continue;
        }
        if (due_us)
            note(self, row);
        g_array_remove_index_fast(self->reserved, i - 1);
    }
}

void
feedback_run(Feedback *self, gint64 now_us)
{
    const LedgerRow *row;

    while ((row = row_after(self, self->seen)) && row->time_us + self->timing.event_us <= now_us) {
        self->seen = row->number;
        if (row->due_us <= row->time_us) {
            note(self, row);
            continue;
        }
        g_array_append_val(self->reserved, row->number);
        self->reserved_due_us = MIN(self->reserved_due_us, row->due_us + self->timing.event_us);
    }
    if (self->reserved->len > 0 && now_us >= self->reserved_due_us)
        run_reserved(self, now_us);
}

/* Without a threshold only who was blocked on purpose is left out. */
static bool
is_filtered(const Feedback *self, const char *address, guint error_count)
{
    const FilterCount *count = error_filter_get(self->filter, address);

    return count && count->tenths >= (error_count ? MIN(error_count, 99) * 10 : BLOCKED_TENTHS);
}

void
feedback_admit(Feedback *self, LedgerRow *row, guint error_count)
{
    const char *scope = is_arara(row) ? row->from : "";

    for (guint i = 0; i < row->recipients; i++) {
        if (unsubscribes_exclude(self->unsubscribes, scope, row->to[i], row->time_us))
            row->roles[i] = ROLE_EXCLUDED;
        else if (is_arara(row) && is_filtered(self, row->to[i], error_count))
            row->roles[i] = ROLE_FILTERED;
    }
}

const Timing *
feedback_timing(const Feedback *self)
{
    return &self->timing;
}

ErrorFilter *
feedback_filter(const Feedback *self)
{
    return self->filter;
}

Unsubscribes *
feedback_unsubscribes(const Feedback *self)
{
    return self->unsubscribes;
}
