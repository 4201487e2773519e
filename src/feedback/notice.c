#include "feedback/notice.h"

#include "base/clock.h"
#include "base/id.h"
#include "mail/dsn.h"
#include "relay/bounce.h"
#include "relay/rewrite.h"

#include <string.h>

enum { MEMORY_BYTES = 256 * 1024 };

static Envelope *
envelope_to(const RelaySettings *settings, const FeedbackNotice *notice, const char *to)
{
    g_autoptr(Envelope) envelope = envelope_new("");

    envelope_add_recipient(envelope, to);
    envelope->listener = g_strdup(notice->mail.listener);
    envelope->user = g_strdup(notice->mail.user);
    envelope->client = g_strdup("bounce");
    Envelope *expanded = rewrite_envelope(envelope, &settings->where);
    for (guint i = 0; i < expanded->recipients->len; i++) {
        const EnvelopeRecipient *recipient = expanded->recipients->pdata[i];
        expanded->smtputf8 |= !g_str_is_ascii(recipient->address);
    }
    return expanded;
}

/* The failures as outcomes, which recipients refer to. */
static GArray *
outcomes_of(const FeedbackNotice *notice)
{
    GArray *outcomes = outcomes_new(notice->recipients->len);

    for (guint i = 0; i < outcomes->len; i++) {
        const FeedbackRecipient *one = &g_array_index(notice->recipients, FeedbackRecipient, i);
        outcome_set(&g_array_index(outcomes, Outcome, i), OUTCOME_PERMANENT, 550, one->dsn ? one->dsn : "5.0.0", "");
    }
    return outcomes;
}

static GArray *
recipients_of(const FeedbackNotice *notice, const GArray *outcomes)
{
    GArray *recipients = g_array_new(FALSE, FALSE, sizeof(DsnRecipient));

    for (guint i = 0; i < outcomes->len; i++) {
        const FeedbackRecipient *one = &g_array_index(notice->recipients, FeedbackRecipient, i);
        const DsnRecipient recipient = { DSN_FAILED, one->address, one->orcpt, &g_array_index(outcomes, Outcome, i),
                                         one->reason ? one->reason : "" };
        g_array_append_val(recipients, recipient);
    }
    return recipients;
}

static GString *
bytes_of(const RelaySettings *settings, const FeedbackNotice *notice, const char *to, const char *from)
{
    g_autoptr(GArray) outcomes = outcomes_of(notice), recipients = recipients_of(notice, outcomes);
    g_autofree char *message_id = id_message(notice->id, settings->hostname), *secret = id_queue();
    g_autofree char *boundary = g_strconcat("=_", notice->id, secret, NULL);
    const char *header = notice->mail.header ? notice->mail.header : "";
    g_autoptr(Fields) fields = fields_parse(header, strlen(header));
    GString *out = g_string_new(NULL);
    const Dsn dsn = {
        .hostname = settings->hostname, .from = from, .to = to, .message_id = message_id, .boundary = boundary,
        .envid = notice->mail.envid, .arrived_ms = notice->mail.arrived_ms, .now_ms = clock_now(),
        .recipients = (const DsnRecipient *) (void *) recipients->data, .n_recipients = recipients->len,
        .original = fields,
    };

    dsn_begin(&dsn, out);
    dsn_end(&dsn, out);
    return out;
}

static Entry *
finished(const RelaySettings *settings, const char *id, Envelope *envelope, const GString *bytes, GError **error)
{
    Spool *spool = spool_new(MEMORY_BYTES, NULL);
    Scan *scan = scan_new();

    spool_append(spool, bytes->str, bytes->len);
    scan_push(scan, bytes->str, bytes->len);
    scan_finish(scan);
    g_autoptr(Entry) entry = entry_new(envelope, spool, scan);
    if (!spool_finish(spool, error))
        return NULL;
    g_free(entry->id);
    entry->id = g_strdup(id);
    entry->message_id = id_message(id, settings->hostname);
    entry->expanded = entry->is_bounce = true;
    entry->due_ms = entry->arrived_ms;
    entry->expires_ms = entry->arrived_ms + settings->conf.queue_lifetime_ms;
    return g_steal_pointer(&entry);
}

GString *
notice_bytes(const Entry *entry, GError **error)
{
    gsize n = (gsize) spool_length(entry->spool);
    g_autofree char *bytes = g_malloc(n + 1);
    gssize got = spool_read_at(entry->spool, 0, bytes, n, error);

    return got < 0 ? NULL : g_string_new_len(bytes, got);
}

Entry *
notice_entry(const RelaySettings *settings, const FeedbackNotice *notice, const char *to, GError **error)
{
    const char *whom = to ? to : notice->mail.sender;

    if (!whom || !*whom || notice->recipients->len == 0)
        return NULL;
    g_autoptr(Envelope) envelope = envelope_to(settings, notice, whom);
    if (envelope->recipients->len == 0)
        return NULL;
    RouteFacts facts = { envelope, settings->conf.bounce_from };
    g_autofree char *from = bounce_from(settings, relay_settings_route(settings, &facts, whom));
    g_autoptr(GString) bytes = bytes_of(settings, notice, whom, from);
    return finished(settings, notice->id, g_steal_pointer(&envelope), bytes, error);
}
