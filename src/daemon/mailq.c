#include "daemon/mailq.h"

#include <string.h>
#include <time.h>

enum { REASON_BYTES = 400, REASON_COLUMN = 76 }; /* a line of a reply must hold it */

static const char *
reason_of(const Entry *entry, guint i)
{
    const Outcome *outcome = i < entry->outcomes->len ? &g_array_index(entry->outcomes, Outcome, i) : NULL;

    if (entry->held)
        return entry->held;
    return outcome && outcome->text ? outcome->text : "";
}

/* Right-aligned, as long as it fits. */
static void
append_reason(GString *out, const char *reason)
{
    g_autofree char *text = g_utf8_make_valid(reason, -1);

    if (strlen(text) > REASON_BYTES)
        *g_utf8_find_prev_char(text, text + REASON_BYTES) = '\0';
    int indent = REASON_COLUMN - (int) g_utf8_strlen(text, -1);

    g_string_append_printf(out, "%*s(%s)\n", MAX(indent, 1), "", g_strdelimit(text, "\r\n", ' '));
}

void
mailq_append(GString *out, const StoreRow *row)
{
    const Entry *entry = row->entry;
    const GPtrArray *recipients = entry->envelope->recipients;
    const char *said = "";
    time_t arrived = (time_t) (entry->arrived_ms / 1000);
    struct tm local;
    char date[32];

    localtime_r(&arrived, &local);
    strftime(date, sizeof date, "%a %b %d %H:%M:%S", &local);
    g_autofree char *id = g_strconcat(entry->id, row->leased ? "*" : entry->held ? "!" : "", NULL);
    g_string_append_printf(out, "%-17s %8" G_GINT64_FORMAT " %19s %s\n", id, row->bytes, date,
                           *entry->envelope->sender ? entry->envelope->sender : "MAILER-DAEMON");
    for (guint i = 0; i < recipients->len; i++) {
        const EnvelopeRecipient *to = recipients->pdata[i];
        const char *reason = reason_of(entry, i);
        if (g_array_index(entry->tries, EntryTry, i).closed)
            continue;
        if (*reason && !g_str_equal(reason, said))
            append_reason(out, reason);
        said = reason;
        g_string_append_printf(out, "%-17s %8s %19s %s\n", "", "", "", to->address);
    }
}
