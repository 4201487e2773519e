#include "relay/watch.h"

#include "mail/address_list.h"
#include "mail/dsn.h"
#include "queue/watch_line.h"

#include <string.h>

/* A line of the journal has 16 KB for all of it. */
enum { HEADER_BYTES = 32 * 1024, KEPT_BYTES = 14 * 1024, FIELD_BYTES = 8 * 1024 };

static Fields *
read_header(const Entry *entry)
{
    g_autofree char *bytes = g_malloc(HEADER_BYTES);
    gint64 at = entry->scan ? scan_header_offset(entry->scan) : 0;
    gint64 end = entry->scan ? scan_body_offset(entry->scan) : spool_length(entry->spool);
    gssize n = spool_read_at(entry->spool, at, bytes, (gsize) CLAMP(end - at, 0, HEADER_BYTES), NULL);

    return fields_parse(bytes, (gsize) MAX(n, 0));
}

/* What is too long is left out, what is behind it is not. A line end of two bytes would take four in the journal. */
static void
put_fields(const Fields *fields, GString *out)
{
    for (guint i = 0; i < fields_count(fields); i++) {
        const Field *field = fields_at(fields, i);
        gsize before = out->len;
        if (dsn_is_hidden(field->name))
            continue;
        g_string_append_printf(out, "%s:", field->name);
        for (const char *p = field->value; *p; p++) {
            if (p[0] != '\r' || p[1] != '\n')
                g_string_append_c(out, *p);
        }
        g_string_append_c(out, '\n');
        if (out->len - before > FIELD_BYTES || out->len > KEPT_BYTES)
            g_string_truncate(out, before);
    }
}

/* As the API has it, which is asked by it who wants no more of that sender's mails. Caller frees; NULL: none. */
static char *
from_address(const Envelope *envelope, const Fields *fields, const Provider *account)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify) mailbox_free);
    const char *value = fields_get(fields, "From", 0);

    if (value)
        address_list_parse(list, value, NULL, NULL);
    const char *from = list->len > 0 ? ((const Mailbox *) list->pdata[0])->address : envelope->sender;
    return *from ? translate_from(&account->translate, envelope, from) : NULL;
}

char *
watch_text(const Entry *entry, const EnvelopeRecipient *to, const Provider *account)
{
    const Envelope *envelope = entry->envelope;
    g_autoptr(Fields) fields = account ? read_header(entry) : NULL;
    g_autoptr(GString) repeated = g_string_new(NULL);
    g_autofree char *from = fields ? from_address(envelope, fields, account) : NULL;
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
watch_from(const Entry *entry, const Provider *account)
{
    g_autoptr(Fields) fields = read_header(entry);

    return from_address(entry->envelope, fields, account);
}
