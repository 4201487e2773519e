#include "relay/report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/pace.h"
#include "relay/figures.h"
#include "relay/watch.h"
#include "relay/watch_keep.h"

enum { QUEUED_LINES = 1000 /* of one mail */, TURNED_AWAY = 100 /* lines in a minute */ };

static Journal *journal;

static guint64 counts[5]; /* in the order of count_events */
static const char *const count_events[] = { "delivered", "deferred", "refused", "unknown", "lost" };

static void
service_clear(void *element)
{
    Service *self = element;

    g_free(self->call);
    *self = (Service) { 0 };
}

GArray *
services_new(guint n)
{
    GArray *array = g_array_sized_new(FALSE, TRUE, sizeof(Service), n);

    g_array_set_clear_func(array, service_clear);
    g_array_set_size(array, n);
    return array;
}

void
service_copy(Service *to, const Service *from)
{
    Service next = { from->provider, g_strdup(from->call), from->api_us };

    service_clear(to);
    *to = next;
}

static const char *
sender_of(const Entry *entry)
{
    return *entry->envelope->sender ? entry->envelope->sender : "<>";
}

static const char *
event_of(OutcomeVerdict verdict, bool lost)
{
    switch (verdict) {
    case OUTCOME_DELIVERED:
        return "delivered";
    case OUTCOME_PERMANENT:
        return lost ? "lost" : "refused";
    case OUTCOME_UNKNOWN:
        return "unknown";
    case OUTCOME_OPEN:
    case OUTCOME_TRANSIENT:
        break;
    }
    return lost ? "lost" : "deferred";
}

static int
level_of(const Outcome *outcome, bool lost)
{
    if ((outcome->flags & OUTCOME_ALARM) && outcome->verdict == OUTCOME_PERMANENT)
        return LOG_ERR; /* a fault of ours; for what lasts the account's pause raises the alarm, once */
    if (outcome->verdict == OUTCOME_DELIVERED)
        return LOG_INFO;
    if (lost)
        return LOG_ERR;
    return outcome->verdict == OUTCOME_UNKNOWN ? LOG_WARNING : LOG_NOTICE;
}

/* --- journal ------------------------------------------------------------------------------------- */

void
report_journal(Journal *to)
{
    if (journal && !to)
        watch_keep_end(journal);
    journal = to;
}

static void
count(const char *event)
{
    for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
        counts[i] += g_str_equal(event, count_events[i]);
}

void
report_counts(void (*visit)(const char *event, guint64 n, void *user), void *user)
{
    for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
        visit(count_events[i], counts[i], user);
}

/* What is known of the mail as a whole. */
static JournalLine
line_of(const Entry *entry, const char *event)
{
    return (JournalLine) { .event = event, .id = entry->id, .sender = sender_of(entry),
                           .message_id = entry_message_id(entry) };
}

static void
note_outcome(const Entry *entry, const char *event, const EnvelopeRecipient *to, const Service *service,
             const Outcome *outcome)
{
    JournalLine line = line_of(entry, event);

    line.recipient = to ? to->address : NULL;
    line.account = service->provider ? service->provider->name : NULL;
    line.call = service->call;
    line.remote_id = outcome->remote_id;
    line.dsn = outcome->dsn;
    line.text = outcome->verdict == OUTCOME_DELIVERED ? NULL : outcome->text;
    journal_write(journal, &line);
}

static void
note_fallback(const Entry *entry, const char *event, const char *to, const Outcome *why, const Provider *by)
{
    static const Service nobody = { 0 };
    Service service = nobody;
    EnvelopeRecipient recipient = { .address = (char *) to };

    service.provider = by;
    note_outcome(entry, event, &recipient, &service, why);
}

static guint64 watched;

/* Whoever waits for a mail's fate needs more than its history. last: the call that the line before this one was of. */
static void
note_watched(const Entry *entry, guint i, const Service *service, const char **last)
{
    const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);
    const GPtrArray *recipients = entry->envelope->recipients;
    JournalLine line = line_of(entry, JOURNAL_WATCHED);

    if (outcome->verdict != OUTCOME_DELIVERED || !service->provider || !service->provider->feedback.on ||
        entry->is_bounce || i >= recipients->len || !journal)
        return;
    const EnvelopeRecipient *to = recipients->pdata[i];
    g_autofree char *text = watch_text(entry, to, g_strcmp0(*last, service->call) != 0 ? service->provider : NULL);
    *last = service->call;
    line.recipient = to->address;
    line.account = service->provider->name;
    line.call = service->call;
    line.remote_id = outcome->remote_id;
    line.text = text;
    watched += watch_keep_write(journal, &line);
}

guint64
report_watched(void)
{
    if (journal)
        watched += watch_keep_again(journal);
    return watched;
}

/* --- outcomes ------------------------------------------------------------------------------------ */

static void
report_outcome(const Entry *entry, guint i, const Service *service, bool lost)
{
    const Envelope *envelope = entry->envelope;
    const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, i);
    const EnvelopeRecipient *to = i < envelope->recipients->len ? envelope->recipients->pdata[i] : NULL;
    bool delivered = outcome->verdict == OUTCOME_DELIVERED;
    bool numbered = service->call && !g_str_equal(service->call, entry->id);

    log_event(level_of(outcome, lost), event_of(outcome->verdict, lost), "id", entry->id, "client", envelope->client,
              "user", envelope->user, "auth", envelope->auth, "tls", envelope->tls, "subject", envelope->tls_client,
              "tag", envelope->tag, "via", envelope->via, "from", sender_of(entry),
              "to", to ? to->address : NULL, "size", LOG_NUM(spool_length(entry->spool)),
              "provider", service->provider ? service->provider->name : NULL, "call", numbered ? service->call : NULL,
              "api_ms", LOG_NUM(service->api_us / 1000), "delay_ms", LOG_NUM(clock_now() - entry->arrived_ms),
              "dsn", outcome->dsn, "remote_id", outcome->remote_id, "code", delivered ? NULL : LOG_NUM(outcome->code),
              "text", delivered ? NULL : outcome->text, NULL);
    count(event_of(outcome->verdict, lost));
    figures_outcome(service->provider, event_of(outcome->verdict, lost), outcome);
    note_outcome(entry, event_of(outcome->verdict, lost), to, service, outcome);
}

static bool
is_news(const Entry *entry, guint i, bool final)
{
    OutcomeVerdict verdict = g_array_index(entry->outcomes, Outcome, i).verdict;

    if (i < entry->tries->len && g_array_index(entry->tries, EntryTry, i).closed)
        return false;
    return final || verdict == OUTCOME_DELIVERED || verdict == OUTCOME_PERMANENT;
}

void
report_outcomes(const Entry *entry, const GArray *services, bool alone, bool final)
{
    static const Service none = { 0 };
    const char *last = "";
    bool any_delivered = false;

    for (guint i = 0; i < entry->outcomes->len; i++)
        any_delivered |= g_array_index(entry->outcomes, Outcome, i).verdict == OUTCOME_DELIVERED;
    for (guint i = 0; i < entry->outcomes->len; i++) {
        const Service *service = services && i < services->len ? &g_array_index(services, Service, i) : &none;
        if (!is_news(entry, i, final))
            continue;
        report_outcome(entry, i, service, alone && any_delivered);
        note_watched(entry, i, service, &last);
    }
}

/* Found by each recipient before there is an outcome of his; the rest of a great many are in the log with theirs. */
static void
note_queued(const Entry *entry)
{
    const GPtrArray *recipients = entry->envelope->recipients;
    guint n = 0;

    for (guint i = 0; i < recipients->len && i < entry->tries->len && n < QUEUED_LINES; i++) {
        JournalLine line = line_of(entry, "queued");

        if (g_array_index(entry->tries, EntryTry, i).closed)
            continue;
        line.recipient = ((EnvelopeRecipient *) recipients->pdata[i])->address;
        journal_write(journal, &line);
        n++;
    }
}

void
report_kept(const Entry *entry)
{
    figures_queued();
    log_event(LOG_INFO, "queued", "id", entry->id, "client", entry->envelope->client, "user", entry->envelope->user,
              "from", sender_of(entry), "size", LOG_NUM(spool_length(entry->spool)), "recipients",
              LOG_NUM(entry_open(entry)), NULL);
    note_queued(entry);
}

void
report_held(const Entry *entry)
{
    figures_held();
    log_event(LOG_ERR, "held", "id", entry->id, "from", sender_of(entry), "recipients", LOG_NUM(entry_open(entry)),
              "text", entry->held, NULL);
    JournalLine line = line_of(entry, "held");
    line.text = entry->held;
    journal_write(journal, &line);
}

void
report_damaged(const char *id, const char *why)
{
    JournalLine line = { .event = "held", .id = id, .text = why };

    figures_held();
    log_event(LOG_ERR, "held", "id", id, "text", why, NULL);
    journal_write(journal, &line);
}

void
report_notice(const Entry *entry, const Entry *notice)
{
    const EnvelopeRecipient *to = notice->envelope->recipients->pdata[0];

    figures_notice();
    log_event(LOG_NOTICE, "notice", "id", entry->id, "notice", notice->id, "to", to->address, NULL);
    JournalLine line = line_of(entry, "notice");
    g_autofree char *text = g_strdup_printf("%s to %s", notice->id, to->address);
    line.text = text;
    journal_write(journal, &line);
    report_kept(notice);
}

void
report_news(const Entry *entry, const char *event, const GArray *places, const Entry *notice)
{
    const GPtrArray *recipients = entry->envelope->recipients;

    for (guint i = 0; i < places->len; i++) {
        guint place = g_array_index(places, guint, i);
        const Outcome *outcome = &g_array_index(entry->outcomes, Outcome, place);
        const EnvelopeRecipient *to = place < recipients->len ? recipients->pdata[place] : NULL;
        log_event(LOG_NOTICE, event, "id", entry->id, "from", sender_of(entry), "to", to ? to->address : NULL,
                  "notice", notice ? notice->id : NULL, "dsn", outcome->dsn, "text", outcome->text, NULL);
        JournalLine line = line_of(entry, event);
        g_autofree char *by = notice ? g_strdup_printf("by %s: %s", notice->id, outcome->text) : NULL;
        line.recipient = to ? to->address : NULL;
        line.dsn = outcome->dsn;
        line.text = by ? by : outcome->text;
        journal_write(journal, &line);
    }
}

void
report_trouble(const GError *error, guint others)
{
    log_event(LOG_ERR, "store-failed", "text", error->message, "others", others > 0 ? LOG_NUM(others) : NULL, NULL);
}

void
report_warning(Store *store)
{
    g_autofree char *text = store_take_warning(store);

    if (text)
        log_event(LOG_ERR, "store-damaged", "text", text, NULL);
}

void
report_notes(const Entry *entry, const Mail *mail, const Provider *provider)
{
    for (guint i = 0; i < mail->notes->len; i++) {
        const MailNote *note = mail->notes->pdata[i];
        log_event(note->level, "changed", "id", entry->id, "provider", provider->name, "rule", note->rule,
                  "text", note->text, NULL);
    }
}

void
report_switch(const Entry *entry, const char *to, const Outcome *why, const Provider *from, const Provider *next)
{
    log_event(LOG_WARNING, "fallback", "id", entry->id, "to", to, "provider", from->name, "next", next->name,
              "dsn", why->dsn, "code", LOG_NUM(why->code), "text", why->text, NULL);
    note_fallback(entry, "fallback", to, why, from);
}

void
report_refusal(const Entry *entry, guint place, const Outcome *why, const Provider *by)
{
    const EnvelopeRecipient *to = entry->envelope->recipients->pdata[place];

    log_event(LOG_WARNING, "fallback-refused", "id", entry->id, "to", to->address, "provider", by->name,
              "dsn", why->dsn, "code", LOG_NUM(why->code), "text", why->text, NULL);
    note_fallback(entry, "fallback-refused", to->address, why, by);
}

void
report_dropped(const char *id, const char *why)
{
    JournalLine line = { .event = "deferred", .id = id, .text = why };

    log_event(LOG_NOTICE, "deferred", "id", id, "text", why, NULL);
    journal_write(journal, &line);
}

void
report_turned_away(const char *id, const char *sender, const char *address, const Outcome *why)
{
    static PaceMinute minute;
    JournalLine line = { .event = "refused", .id = id, .sender = *sender ? sender : "<>", .recipient = address,
                         .dsn = why->dsn, .text = why->text };

    if (pace_has_room(&minute, clock_monotonic(), TURNED_AWAY))
        journal_write(journal, &line);
}

void
report_accepted(const char *id, const char *digest, const char *text)
{
    JournalLine line = { .event = "accepted", .id = id, .digest = digest, .text = text };

    log_event(LOG_DEBUG, "accepted", "id", id, "digest", digest, "text", text, NULL);
    journal_write(journal, &line);
}

void
report_forgotten(const char *id)
{
    JournalLine line = { .event = "forgotten", .id = id };

    log_event(LOG_DEBUG, "forgotten", "id", id, NULL);
    journal_write(journal, &line);
}

void
report_again(const char *id, const char *with, const char *text)
{
    g_autofree char *whole = g_strdup_printf("of %s", with ? with : text ? text : "an earlier mail");
    JournalLine line = { .event = "duplicate", .id = id, .text = whole };

    figures_duplicate();
    log_event(LOG_NOTICE, "duplicate", "id", id, "with", with, "text", text, NULL);
    journal_write(journal, &line);
}
