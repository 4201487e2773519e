#include "relay/bounce.h"

#include "base/clock.h"
#include "base/id.h"
#include "relay/rewrite.h"

enum {
    BLOCK_BYTES = 32 * 1024,
    OWN_BYTES = 128 * 1024, /* what a notification has besides the original, generously */
};

typedef struct {
    const RelaySettings *settings;
    const Entry *entry;
    Scan *made;       /* of the original, where the entry has none */
    const Scan *scan; /* of the original */
    Fields *fields;   /* of its header */
    GArray *recipients; /* of DsnRecipient */
    Dsn dsn;
    Spool *spool;     /* the notification */
    Scan *new_scan;
} Bounce;

static void
bounce_clear(Bounce *self)
{
    scan_free(self->made);
    fields_free(self->fields);
    g_array_unref(self->recipients);
    spool_unref(self->spool);
    scan_free(self->new_scan);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bounce, bounce_clear)

/* --- the original ------------------------------------------------------------------------------------- */

/* Calls visit with the bytes from offset to the end. */
static bool
read_blocks(const Spool *spool, gint64 offset, void (*visit)(const char *bytes, gsize n, void *user), void *user,
            GError **error)
{
    g_autofree char *block = g_malloc(BLOCK_BYTES);

    for (;;) {
        gssize got = spool_read_at(spool, offset, block, BLOCK_BYTES, error);
        if (got <= 0)
            return got == 0;
        visit(block, (gsize) got, user);
        offset += got;
    }
}

static void
visit_scan(const char *bytes, gsize n, void *user)
{
    scan_push(user, bytes, n);
}

static void
visit_eight_bit(const char *bytes, gsize n, void *user)
{
    bool *found = user;

    for (gsize i = 0; i < n && !*found; i++)
        *found = (guchar) bytes[i] >= 0x80;
}

static bool
open_original(Bounce *self, GError **error)
{
    const Entry *entry = self->entry;

    self->scan = entry->scan;
    if (!self->scan) {
        self->scan = self->made = scan_new();
        if (!read_blocks(entry->spool, 0, visit_scan, self->made, error))
            return false;
        scan_finish(self->made);
    }
    gint64 offset = scan_header_offset(self->scan);
    gsize size = (gsize) MIN(scan_body_offset(self->scan) - offset, SCAN_MAX_HEADER_BYTES);
    g_autofree char *header = g_malloc(size + 1);
    gssize got = spool_read_at(entry->spool, offset, header, size, error);
    if (got < 0)
        return false;
    self->fields = fields_parse(header, (gsize) got);
    return true;
}

static void
choose_recipients(Bounce *self, DsnAction action, const GArray *places)
{
    const Entry *entry = self->entry;

    for (guint i = 0; places && i < places->len; i++) {
        static const EnvelopeRecipient nobody = { .address = (char *) "unknown" };
        guint place = g_array_index(places, guint, i);
        const GPtrArray *recipients = entry->envelope->recipients;
        const EnvelopeRecipient *to = place < recipients->len ? recipients->pdata[place] : &nobody;
        DsnRecipient one = { action, to->address, to->orcpt, &g_array_index(entry->outcomes, Outcome, place), NULL };
        if (dsn_is_owed(action, entry->envelope, to->notify))
            g_array_append_val(self->recipients, one);
    }
}

/* --- the notification ------------------------------------------------------------------------------------ */

/* Listener and user as of the original: a route by them leads the notification the same way. */
static Envelope *
envelope_back(const Bounce *self)
{
    const Envelope *original = self->entry->envelope;
    g_autoptr(Envelope) envelope = envelope_new("");

    envelope_add_recipient(envelope, original->sender);
    envelope->listener = g_strdup(original->listener);
    envelope->user = g_strdup(original->user);
    envelope->account = g_strdup(original->account);
    envelope->client = g_strdup("bounce");
    Envelope *expanded = rewrite_envelope(envelope, &self->settings->where);
    for (guint i = 0; i < expanded->recipients->len; i++) {
        const EnvelopeRecipient *to = expanded->recipients->pdata[i];
        expanded->smtputf8 |= !g_str_is_ascii(to->address);
    }
    return expanded;
}

static const Provider *
account_of(const Bounce *self, const Envelope *envelope)
{
    RouteFacts facts = { envelope, self->settings->conf.bounce_from };

    return relay_settings_route(self->settings, &facts, self->entry->envelope->sender);
}

/* Where nothing says more, a domain that the account can send from. */
char *
bounce_from(const RelaySettings *settings, const Provider *account)
{
    char **domains = account->translate.from_domains;
    const char *from = settings->conf.bounce_from;

    if (!from)
        from = account->translate.default_from;
    if (from)
        return g_strdup(from);
    g_autofree char *own = domains && *domains ? g_strconcat("MAILER-DAEMON@", *domains, NULL) : NULL;
    char *ascii = own ? address_to_ascii(own) : NULL;
    return ascii ? ascii : g_strconcat("MAILER-DAEMON@", settings->hostname, NULL);
}

char *
bounce_from_fault(const RelaySettings *settings, const Provider *account)
{
    const TranslateConf *conf = &account->translate;
    bool lists = conf->from_domains && *conf->from_domains;
    g_autofree char *from = bounce_from(settings, account);

    if (lists ? conf->default_from || translate_may_sign(conf, from) : conf->default_from || settings->conf.bounce_from)
        return NULL;
    if (lists)
        return g_strdup_printf("account %s: bounces come from %s, which is outside its from-domains: set bounce-from",
                               account->name, from);
    return g_strdup_printf("account %s: bounces come from %s, which the API may refuse: set from-domains or bounce-from",
                           account->name, from);
}

/* What the sender asked for, as far as the account can carry it. */
static bool
returns_whole(const Bounce *self, const Provider *account)
{
    const char *ret = self->entry->envelope->ret;
    gint64 size = spool_length(self->entry->spool), limit = account->limits.mail_bytes;
    bool is_cut = self->entry->envelope->refusal == ENVELOPE_TOO_BIG;

    if (dsn_action(&self->dsn) != DSN_FAILED || is_cut ||
        (limit && size / 3 * 4 + OWN_BYTES > limit))
        return false;
    if (ret)
        return g_ascii_strcasecmp(ret, "FULL") == 0;
    return size <= self->settings->conf.bounce_bytes;
}

static bool
put(Bounce *self, GString *bytes, GError **error)
{
    scan_push(self->new_scan, bytes->str, bytes->len);
    spool_append(self->spool, bytes->str, bytes->len);
    g_string_truncate(bytes, 0);
    return !spool_is_full(self->spool) || spool_flush(self->spool, error);
}

static bool
put_body(Bounce *self, GError **error)
{
    gint64 offset = scan_body_offset(self->scan);
    g_autofree char *block = g_malloc(BLOCK_BYTES);
    g_autoptr(GString) out = g_string_new(NULL);
    DsnCopy copy = { 0 };

    for (;;) {
        gssize got = spool_read_at(self->entry->spool, offset, block, BLOCK_BYTES, error);
        if (got < 0)
            return false;
        if (got == 0)
            break;
        dsn_copy(&copy, block, (gsize) got, out);
        offset += got;
        if (!put(self, out, error))
            return false;
    }
    dsn_copy_end(&copy, out);
    return put(self, out, error);
}

static bool
write_all(Bounce *self, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    dsn_begin(&self->dsn, out);
    if (!put(self, out, error) || (self->dsn.whole && !put_body(self, error)))
        return false;
    dsn_end(&self->dsn, out);
    if (!put(self, out, error) || !spool_finish(self->spool, error))
        return false;
    scan_finish(self->new_scan);
    return true;
}

static bool
describe(Bounce *self, const Provider *account, GError **error)
{
    const Entry *entry = self->entry;

    self->dsn = (Dsn) {
        .hostname = self->settings->hostname,
        .to = entry->envelope->sender,
        .envid = entry->envelope->envid,
        .arrived_ms = entry->arrived_ms,
        .now_ms = clock_now(),
        .until_ms = entry->expires_ms,
        .recipients = (const DsnRecipient *) (void *) self->recipients->data,
        .n_recipients = self->recipients->len,
        .original = self->fields,
    };
    self->dsn.whole = returns_whole(self, account);
    return !self->dsn.whole ||
           read_blocks(entry->spool, scan_body_offset(self->scan), visit_eight_bit, &self->dsn.eight_bit, error);
}

static Entry *
finished(Bounce *self, Envelope *envelope, const char *id)
{
    Entry *new = entry_new(envelope, g_steal_pointer(&self->spool), g_steal_pointer(&self->new_scan));

    g_free(new->id);
    new->id = g_strdup(id);
    new->message_id = g_strdup(self->dsn.message_id);
    new->expanded = new->is_bounce = true;
    new->due_ms = new->arrived_ms;
    new->expires_ms = new->arrived_ms + self->settings->conf.queue_lifetime_ms;
    return new;
}

Entry *
bounce_of_round(const RelaySettings *settings, const Entry *entry, const BounceNews *news, GError **error)
{
    g_auto(Bounce) self = { .settings = settings, .entry = entry };

    self.recipients = g_array_new(FALSE, FALSE, sizeof(DsnRecipient));
    if (!*entry->envelope->sender || entry->is_bounce)
        return NULL;
    choose_recipients(&self, DSN_FAILED, news->failed);
    choose_recipients(&self, DSN_DELAYED, news->delayed);
    choose_recipients(&self, DSN_RELAYED, news->relayed);
    if (self.recipients->len == 0 || !open_original(&self, error))
        return NULL;

    g_autoptr(Envelope) envelope = envelope_back(&self);
    if (envelope->recipients->len == 0)
        return NULL;
    const Provider *account = account_of(&self, envelope);
    if (!describe(&self, account, error))
        return NULL;
    g_autofree char *id = id_queue(), *secret = id_queue();
    g_autofree char *from = bounce_from(settings, account);
    g_autofree char *message_id = id_message(id, settings->hostname);
    g_autofree char *boundary = g_strconcat("=_", id, secret, NULL); /* = stands before _ in no encoding */
    self.dsn.from = from;
    self.dsn.message_id = message_id;
    self.dsn.boundary = boundary;
    self.spool = spool_new_like(entry->spool);
    self.new_scan = scan_new();
    if (!write_all(&self, error))
        return NULL;
    return finished(&self, g_steal_pointer(&envelope), id);
}
