#include "relay/explain.h"

#include "http/json.h"
#include "relay/delivery.h"
#include "relay/verdict.h"

#include <string.h>

enum { PREVIEW_CHARS = 72 };

static int
number(gint64 n)
{
    return (int) CLAMP(n, 0, G_MAXINT);
}

static void
put_reply(cJSON *parent, const Outcome *outcome)
{
    g_autofree char *reply = g_strdup_printf("%d %s %s", outcome->code, outcome->dsn, outcome->text);

    json_put_string(parent, "reply", reply);
}

static void
put_mailboxes(cJSON *parent, const char *name, const GPtrArray *mailboxes)
{
    for (guint i = 0; i < mailboxes->len; i++) {
        const Mailbox *mailbox = mailboxes->pdata[i];
        cJSON *item = json_put_item(parent, name);
        json_put_string(item, "address", mailbox->address);
        if (*mailbox->name)
            json_put_string(item, "name", mailbox->name);
    }
}

/* A value in full, or how it begins. */
static void
put_text(cJSON *parent, const char *name, const char *value, bool whole)
{
    if (!value)
        return;
    glong chars = g_utf8_strlen(value, -1);
    g_autofree char *begin = g_utf8_substring(value, 0, whole ? chars : MIN(chars, PREVIEW_CHARS));
    cJSON *item = json_put_object(parent, name);

    json_put_string(item, whole ? "value" : "begins", begin);
    json_put_number(item, "characters", number(chars));
    json_put_number(item, "bytes", number(strlen(value)));
}

static void
put_mailbox(cJSON *parent, const char *name, const Mailbox *mailbox)
{
    if (!mailbox)
        return;
    cJSON *item = json_put_object(parent, name);
    json_put_string(item, "address", mailbox->address);
    json_put_string(item, "name", mailbox->name);
}

static void
put_header(cJSON *parent, const MailHeader *header)
{
    cJSON *item = json_put_item(parent, "headers");

    json_put_string(item, "name", header->name);
    json_put_string(item, "value", header->value);
    json_put_number(item, "bytes", number(strlen(header->name) + strlen(": ") + strlen(header->value)));
}

static void
put_fields(cJSON *parent, const Provider *provider, const Mail *mail)
{
    cJSON *fields = json_put_object(parent, "fields");

    put_mailbox(fields, "from", mail->from);
    put_mailbox(fields, "reply-to", mail->reply_to);
    json_put_string(fields, "envelope-from", mail->envelope_from);
    if (!g_str_equal(mail->charset, "UTF-8"))
        json_put_string(fields, "charset", mail->charset);
    put_text(fields, "subject", mail->subject, true);
    put_text(fields, "text", mail->text, false);
    put_text(fields, "html", mail->html, false);
    for (guint i = 0; provider->driver->headers && i < mail->headers->len; i++)
        put_header(fields, mail->headers->pdata[i]);
    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        cJSON *item = json_put_item(fields, "attachments");
        json_put_string(item, "filename", part->filename);
        json_put_string(item, "type", part->type);
        json_put_number(item, "bytes", number(part->length));
    }
}

static void
put_notes(cJSON *parent, const Mail *mail)
{
    for (guint i = 0; i < mail->notes->len; i++) {
        const MailNote *note = mail->notes->pdata[i];
        cJSON *item = json_put_item(parent, "changes");
        json_put_string(item, "rule", note->rule);
        json_put_string(item, "text", note->text);
    }
}

/* Those that only this call has, or with a value of its own. */
static void
put_call_headers(cJSON *parent, const Provider *provider, const Mail *mail, const Call *call)
{
    if (!provider->driver->headers)
        return;
    g_autoptr(GPtrArray) headers = provider->driver->headers(provider, mail, call);
    for (guint i = 0; i < headers->len; i++) {
        const MailHeader *header = headers->pdata[i];
        const MailHeader *common = i < mail->headers->len ? mail->headers->pdata[i] : NULL;
        if (!common || !g_str_equal(header->value, common->value))
            put_header(parent, header);
    }
}

static void
put_calls(cJSON *parent, const Share *share)
{
    const GPtrArray *calls = share_calls(share);

    for (guint i = 0; calls && i < calls->len; i++) {
        const Call *call = calls->pdata[i];
        cJSON *item = json_put_item(parent, "calls");
        json_put_string(item, "key", call->key);
        if (call->each_alone)
            json_put_string(item, "shows", "each recipient alone");
        put_mailboxes(item, "to", call->to);
        put_mailboxes(item, "cc", call->cc);
        put_mailboxes(item, "bcc", call->bcc);
        put_call_headers(item, share_provider(share), share_mail(share), call);
    }
}

/* False if one of its recipients is refused. */
static bool
put_share(cJSON *root, const Share *share)
{
    cJSON *item = json_put_item(root, "accounts");
    const Provider *provider = share_provider(share);
    const char *recipient;
    const Outcome *outcome;
    bool good = true;

    json_put_string(item, "account", provider->name);
    json_put_string(item, "provider", provider->driver->name);
    put_calls(item, share);
    if (share_mail(share)) {
        put_fields(item, provider, share_mail(share));
        put_notes(item, share_mail(share));
    }
    for (guint i = 0; (outcome = share_outcome(share, i, &recipient)); i++) {
        if (outcome->verdict == OUTCOME_OPEN)
            continue;
        cJSON *refused = json_put_item(item, "refused");
        json_put_string(refused, "recipient", recipient);
        put_reply(refused, outcome);
        good = false;
    }
    return good;
}

static bool
put_delivery(cJSON *root, const Delivery *delivery)
{
    const GPtrArray *shares = delivery_shares(delivery);
    bool good = true;

    if (delivery_error(delivery)) {
        Outcome outcome = { 0 };
        verdict_untranslated(&outcome, delivery_error(delivery));
        put_reply(json_put_object(root, "refused"), &outcome);
        outcome_clear(&outcome);
        return false;
    }
    for (guint i = 0; i < shares->len; i++)
        good &= put_share(root, shares->pdata[i]);
    return good;
}

/* Whoever explains a file seldom knows its envelope: the sender is likely to be who wrote it. */
static void
complete_sender(Entry *entry, const RelaySettings *settings)
{
    TranslateContext context = {
        .hostname = settings->hostname,
        .default_domain = settings->where.default_domain,
        .id = entry->id,
        .envelope = entry->envelope,
    };
    g_autoptr(Message) message = NULL;
    g_autoptr(Mail) header = NULL;

    if (*entry->envelope->sender)
        return;
    message = message_open(entry->spool, entry->scan, NULL);
    header = message ? mail_from_header(message, &context, NULL) : NULL;
    if (!header || !header->from)
        return;
    g_free(entry->envelope->sender);
    entry->envelope->sender = g_strdup(header->from->address);
}

bool
relay_explain(RelaySettings *settings, Entry *entry, bool json, GString *out)
{
    DeliveryWorld *world = world_new(settings);
    JsonBody *body = json_body_new();
    cJSON *root = json_body_root(body);

    complete_sender(entry, settings);
    cJSON *message = json_put_object(root, "message");
    json_put_number(message, "bytes", number(spool_length(entry->spool)));
    json_put_string(message, "sender", entry->envelope->sender);
    Delivery *delivery = delivery_prepare(world, entry);
    bool good = put_delivery(root, delivery);
    if (json) {
        g_autoptr(GBytes) text = json_print(root);
        g_string_append_len(out, g_bytes_get_data(text, NULL), g_bytes_get_size(text));
        g_string_append_c(out, '\n');
    } else {
        g_autofree char *text = json_outline(root);
        g_string_append(out, text);
    }
    delivery_free(delivery);
    world_unref(world);
    json_body_free(body);
    return good;
}
