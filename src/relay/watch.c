#include "relay/watch.h"

#include "mail/address_list.h"
#include "mail/fields.h"
#include "queue/watch_line.h"

#include <string.h>

enum { HEADER_BYTES = 16 * 1024, KEPT_BYTES = 2048 };

static const char *const kept[] = { "From", "To", "Cc", "Subject", "Date", "Message-ID" };

static Fields *
read_header(const Entry *entry)
{
    g_autofree char *bytes = g_malloc(HEADER_BYTES);
    gint64 at = entry->scan ? scan_header_offset(entry->scan) : 0;
    gint64 end = entry->scan ? scan_body_offset(entry->scan) : spool_length(entry->spool);
    gssize n = spool_read_at(entry->spool, at, bytes, (gsize) CLAMP(end - at, 0, HEADER_BYTES), NULL);

    return fields_parse(bytes, (gsize) MAX(n, 0));
}

/* The last one may be cut; lines stay lines. */
static void
put_fields(const Fields *fields, GString *out)
{
    for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
        const char *value = fields_get(fields, kept[i], 0);
        gsize room = KEPT_BYTES - MIN(out->len + 64, KEPT_BYTES);
        if (!value || room == 0)
            continue;
        g_string_append_printf(out, "%s:", kept[i]);
        g_string_append_len(out, value, (gssize) strnlen(value, room));
        g_string_append(out, "\r\n");
    }
}

/* Caller frees; NULL: none. */
static char *
from_address(const Fields *fields)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    const char *value = fields_get(fields, "From", 0);

    if (value)
        address_list_parse(list, value, NULL, NULL);
    return list->len > 0 ? g_strdup(((const Mailbox *) list->pdata[0])->address) : NULL;
}

char *
watch_text(const Entry *entry, const EnvelopeRecipient *to, bool header)
{
    const Envelope *envelope = entry->envelope;
    g_autoptr(Fields) fields = header ? read_header(entry) : NULL;
    g_autoptr(GString) repeated = g_string_new(NULL);
    g_autofree char *from = fields ? from_address(fields) : NULL;
    GString *text = g_string_new(NULL);

    if (fields)
        put_fields(fields, repeated);
    const FeedbackMail mail = {
        .ret = envelope->ret, .envid = envelope->envid, .listener = envelope->listener, .user = envelope->user,
        .from = from, .arrived_ms = entry->arrived_ms, .header = repeated->str,
    };
    const FeedbackRecipient recipient = { .orcpt = to->orcpt, .notify = to->notify };
    watch_line_print(&mail, &recipient, text);
    return g_string_free(text, FALSE);
}

char *
watch_from(const Entry *entry)
{
    g_autoptr(Fields) fields = read_header(entry);

    return from_address(fields);
}
