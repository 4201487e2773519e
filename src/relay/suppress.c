#include "relay/suppress.h"

#include "base/clock.h"
#include "base/cut.h"
#include "relay/rewrite.h"

enum { REOPEN_MS = 5000 /* the file may have been set aside */, REASON_BYTES = 120 };

static GMutex mutex; /* of what follows */
static char *place;
static FeedbackStore *store; /* NULL: not open */
static gint64 opened_ms;     /* monotonic, of the last try */

void
suppress_open(const char *folder)
{
    g_mutex_lock(&mutex);
    g_free(place);
    place = g_strdup(folder);
    g_clear_pointer(&store, feedback_store_close);
    opened_ms = 0;
    g_mutex_unlock(&mutex);
}

static FeedbackStore *
fresh_store(void)
{
    gint64 now_ms = clock_monotonic();

    if (!place || (opened_ms > 0 && now_ms - opened_ms < (store ? REOPEN_MS : 100)))
        return store;
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&store, feedback_store_close);
    store = feedback_store_open_read(place, &error);
    opened_ms = store || error ? now_ms : 0; /* while there is none, that is a cheap question */
    return store;
}

/* ISO 8601, local. Caller frees. */
static char *
day_of(gint64 ms)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(ms / 1000);

    return time ? g_date_time_format(time, "%Y-%m-%d") : g_strdup("some day");
}

static void
describe(const Suppression *one, void *user)
{
    static const char *const why[SUPPRESSION_KINDS] = { "mail to it came back", "it has unsubscribed",
                                                        "the operator has stopped it" };
    SuppressFound *found = user;
    g_autofree char *day = day_of(one->since_ms);
    g_autofree char *reason = cut_text(one->reason ? one->reason : "", REASON_BYTES);
    bool says = *g_strstrip(reason);
    g_autofree char *text = g_strdup_printf("Suppressed address: %s on %s%s%s%s; to send again: shimta suppressions "
                                            "remove", why[one->kind], day, says ? " (" : "", reason, says ? ")" : "");

    found->kind = one->kind;
    outcome_set(&found->outcome, OUTCOME_PERMANENT, 550, one->kind == SUPPRESSION_HARD ? "5.1.1" : "5.7.1", text);
}

void
suppress_found_clear(SuppressFound *self)
{
    outcome_clear(&self->outcome);
}

bool
suppress_look(const Provider *account, const char *sender, const char *address, SuppressFound *found)
{
    const Suppression what = { .account = account->name, .address = address, .sender = sender };

    if (!account->feedback.suppression || feedback_conf_is_exempt(&account->feedback, address))
        return false;
    g_mutex_lock(&mutex);
    FeedbackStore *list = fresh_store();
    *found = (SuppressFound) { .account = account };
    if (list)
        suppression_find(list, &what, clock_now(), describe, found, NULL);
    g_mutex_unlock(&mutex);
    return found->outcome.verdict == OUTCOME_PERMANENT;
}

static bool
is_routed_by_header(const RelaySettings *settings)
{
    for (guint i = 0; i < settings->routes->len; i++) {
        char **from = ((const Route *) settings->routes->pdata[i])->conf.from;
        if (from && *from)
            return true;
    }
    return false;
}

static bool
any_suppresses(const RelaySettings *settings)
{
    for (guint i = 0; i < settings->accounts->len; i++) {
        if (((const Provider *) settings->accounts->pdata[i])->feedback.suppression)
            return true;
    }
    return false;
}

bool
suppress_look_early(const RelaySettings *settings, const Envelope *envelope, const char *address, SuppressFound *found)
{
    if (!any_suppresses(settings) || is_routed_by_header(settings))
        return false;
    g_autoptr(Envelope) one = envelope_new_like(envelope);
    envelope_add_recipient(one, address);
    g_autoptr(Envelope) expanded = rewrite_envelope(one, &settings->where);
    if (expanded->recipients->len != 1)
        return false;
    const RouteFacts facts = { expanded, NULL };
    const char *final = ((const EnvelopeRecipient *) expanded->recipients->pdata[0])->address;
    return suppress_look(relay_settings_route(settings, &facts, final), envelope->sender, final, found);
}
