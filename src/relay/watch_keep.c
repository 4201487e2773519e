#include "relay/watch_keep.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/pace.h"
#include "queue/watch_line.h"

#include <string.h>

enum { MOST_BYTES = 4 * 1024 * 1024 };

typedef struct {
    JournalLine line;
    char *texts[JOURNAL_STRINGS];
    gsize bytes;
} Kept;

static GQueue waiting = G_QUEUE_INIT; /* of Kept */
static gsize bytes;                   /* of them */
static guint64 lost;                  /* that no line of the log has told of */
static Pace pace;

static void
kept_free(Kept *self)
{
    for (guint i = 0; i < JOURNAL_STRINGS; i++)
        g_free(self->texts[i]);
    g_free(self);
}

static void
tell_lost(guint n)
{
    guint64 others;

    lost += n;
    if (lost == 0 || !pace_allows(&pace, clock_monotonic(), &others))
        return;
    log_event(LOG_ERR, "feedback-lost", "n", LOG_NUM((gint64) lost), "text",
              "bounces of so many recipients cannot be told: the journal could not be written", NULL);
    lost = 0;
}

/* When it was delivered is when the line was to be written, not when it is. */
static void
keep(const JournalLine *line)
{
    Kept *kept = g_new0(Kept, 1);

    kept->line = *line;
    for (guint i = 0; i < JOURNAL_STRINGS; i++) {
        const char *text = journal_line_get(line, i);
        kept->texts[i] = text == line->text ? watch_line_date(text, clock_now()) : g_strdup(text);
        journal_line_set(&kept->line, i, kept->texts[i]);
        kept->bytes += kept->texts[i] ? strlen(kept->texts[i]) + 1 : 0;
    }
    kept->bytes += sizeof *kept;
    if (kept->bytes > MOST_BYTES - bytes) {
        kept_free(kept);
        tell_lost(1);
        return;
    }
    bytes += kept->bytes;
    g_queue_push_tail(&waiting, kept);
}

bool
watch_keep_write(Journal *journal, JournalLine *line)
{
    if (g_queue_is_empty(&waiting) && journal_write(journal, line))
        return true;
    keep(line);
    return false;
}

guint
watch_keep_again(Journal *journal)
{
    guint n = 0;

    for (Kept *kept; (kept = g_queue_peek_head(&waiting)) && journal_write(journal, &kept->line); n++) {
        bytes -= kept->bytes;
        kept_free(g_queue_pop_head(&waiting));
    }
    if (n > 0)
        tell_lost(0);
    return n;
}

void
watch_keep_end(Journal *journal)
{
    watch_keep_again(journal);
    pace = (Pace) { 0 };
    tell_lost(g_queue_get_length(&waiting));
    g_queue_clear_full(&waiting, (GDestroyNotify) kept_free);
    bytes = 0;
}
