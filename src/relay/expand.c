#include "relay/expand.h"

#include "base/clock.h"
#include "relay/rewrite.h"

enum {
    SCAN_STEP_BYTES = 64 * 1024,
    DENIED_BYTES = 300, /* of names in a reply */
};

static Scan *
scan_spool(const Spool *spool, GError **error)
{
    g_autofree char *bytes = g_malloc(SCAN_STEP_BYTES);
    g_autoptr(Scan) scan = scan_new();
    gssize n;

    for (gint64 at = 0; (n = spool_read_at(spool, at, bytes, SCAN_STEP_BYTES, error)) > 0; at += n)
        scan_push(scan, bytes, (size_t) n);
    if (n < 0)
        return NULL;
    scan_finish(scan);
    return g_steal_pointer(&scan);
}

/* What was refused where it came in, and what is too late by now: without another try. */
static bool
is_fine(const Entry *entry, GError **error)
{
    EnvelopeRefusal refusal = entry->envelope->refusal;

    if (entry_is_too_late(entry, clock_now())) {
        g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_TOO_OLD, "Not delivered by the time that its sender set");
        return false;
    }
    if (refusal == ENVELOPE_TOO_BIG)
        g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_TOO_BIG, "Message too big");
    else if (refusal == ENVELOPE_TOO_OLD)
        g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_TOO_OLD, "It could not be taken for too long");
    return refusal == ENVELOPE_FINE;
}

bool
expand_scan(Entry *entry, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (!is_fine(entry, error))
        return false;

    if (!entry->scan)
        entry->scan = scan_spool(entry->spool, &cause);
    if (entry->scan)
        return true;
    g_set_error(error, MAIL_ERROR, MAIL_ERROR_READ, "%s", cause->message);
    return false;
}

bool
expand_addresses(Entry *entry, const RelaySettings *settings, GError **error)
{
    guint hops = scan_received(entry->scan) + MIN(entry->envelope->hops, G_MAXUINT / 2);

    entry_set_envelope(entry, rewrite_envelope(entry->envelope, &settings->where));
    if (!message_allowed(entry->scan, error))
        return false;
    if (hops <= settings->conf.max_received)
        return true;
    g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_LOOP, "Too many Received fields, the mail is in a loop");
    return false;
}

Mail *
expand_header(const Entry *entry, const RelaySettings *settings, Message *message, GError **error)
{
    const TranslateContext context = {
        .hostname = settings->hostname,
        .default_domain = settings->where.default_domain,
        .id = entry->id,
        .envelope = entry->envelope,
    };

    return mail_from_header(message, &context, error);
}

/* Each of those to whom no mail may go from where it came in, as far as there is room for their names; NULL: all may
 * get it. Caller frees. */
static char *
denied(const Entry *entry, const RelaySettings *settings, const Mail *header)
{
    char **patterns = relay_settings_recipients(settings, entry->envelope->listener);
    g_autoptr(GString) names = g_string_new(NULL);
    guint more = 0;

    for (guint i = 0; patterns && i < header->named->len; i++) {
        const Mailbox *box = header->named->pdata[i];
        g_autofree char *address = address_qualify(box->address, settings->where.default_domain);
        if (route_patterns_fit(patterns, address))
            continue;
        if (names->len < DENIED_BYTES)
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", address);
        else
            more++;
    }
    if (more > 0)
        g_string_append_printf(names, " and %u more", more);
    return names->len > 0 ? g_string_free(g_steal_pointer(&names), FALSE) : NULL;
}

static bool
add_named(Entry *entry, const RelaySettings *settings, const Mail *header, GError **error)
{
    g_autofree char *names = denied(entry, settings, header);

    if (!names) {
        rewrite_add_header_recipients(entry->envelope, header, &settings->where);
        return true;
    }
    g_set_error(error, MAIL_ERROR, MAIL_ERROR_DENIED, "No mail from here to %s", names);
    return false;
}

bool
expand_finish(Entry *entry, const RelaySettings *settings, const Mail *header, GError **error)
{
    if (entry->envelope->from_headers && !add_named(entry, settings, header, error))
        return false;
    entry_set_envelope(entry, entry->envelope);
    entry->expanded = true;
    if (entry->envelope->recipients->len > 0)
        return true;
    g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_NO_RECIPIENT, "The mail has no recipient");
    return false;
}

bool
expand_entry(Entry *entry, const RelaySettings *settings, GError **error)
{
    g_autoptr(Mail) header = NULL;

    if (!expand_scan(entry, error) || !expand_addresses(entry, settings, error))
        return false;
    if (entry->envelope->from_headers) {
        g_autoptr(Message) message = message_open(entry->spool, entry->scan, error);
        header = message ? expand_header(entry, settings, message, error) : NULL;
        if (!header)
            return false;
    }
    return expand_finish(entry, settings, header, error);
}
