#include "sandbox/timeline.h"

#include <string.h>

/* Steps of one index come equally long after their rows: each index has a cursor, and rows are in order of time. */
typedef struct {
    guint64 done;               /* number of the last row that is passed as a whole */
    guint64 number;             /* of the row where place counts */
    guint place;
} Cursor;

struct Timeline {
    const Ledger *ledger;
    Timing timing;
    Cursor cursors[FATE_STEPS];
};

Timeline *
timeline_new(const Ledger *ledger, const Timing *timing)
{
    Timeline *self = g_new0(Timeline, 1);
    const GPtrArray *rows = ledger_rows(ledger);

    self->ledger = ledger;
    self->timing = *timing;
    for (guint i = 0; rows->len > 0 && i < FATE_STEPS; i++)
        self->cursors[i].done = ((const LedgerRow *) rows->pdata[rows->len - 1])->number;
    return self;
}

void
timeline_free(Timeline *self)
{
    g_free(self);
}

/* The cursor's next step, on which it stays. */
static bool
peek(Timeline *self, guint index, Happening *happening)
{
    const GPtrArray *rows = ledger_rows(self->ledger);
    Cursor *cursor = &self->cursors[index];

    for (guint i = ledger_first_above(self->ledger, cursor->done); i < rows->len; i++) {
        const LedgerRow *row = rows->pdata[i];
        guint place = row->number == cursor->number ? cursor->place : 0;
        for (; strcmp(row->api, "emails") == 0 && place < row->recipients; place++) {
            Fate steps[FATE_STEPS];
            if (fate_steps(&self->timing, row, place, steps) <= index)
                continue;
            cursor->number = row->number;
            cursor->place = place;
            *happening = (Happening) { row, place, steps[index] };
            return true;
        }
        cursor->done = row->number;
    }
    return false;
}

/* The cursor whose step is next of all; FATE_STEPS: there is none. */
static guint
find_next(Timeline *self, Happening *happening)
{
    guint found = FATE_STEPS;

    for (guint i = 0; i < FATE_STEPS; i++) {
        Happening one;
        if (!peek(self, i, &one) || (found < FATE_STEPS && one.fate.time_us >= happening->fate.time_us))
            continue;
        *happening = one;
        found = i;
    }
    return found;
}

gint64
timeline_due_us(Timeline *self)
{
    Happening next;

    return find_next(self, &next) < FATE_STEPS ? next.fate.time_us : G_MAXINT64;
}

bool
timeline_next(Timeline *self, gint64 until_us, Happening *happening)
{
    guint index = find_next(self, happening);

    if (index == FATE_STEPS || happening->fate.time_us > until_us)
        return false;
    self->cursors[index].place++;
    return true;
}
