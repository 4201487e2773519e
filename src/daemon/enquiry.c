#include "daemon/enquiry.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "daemon/mailq.h"
#include "io/worker.h"

enum {
    PAGE_ENTRIES = 200,
    PAGE_BYTES = 256 * 1024, /* after which a page takes no further entry, however many recipients they have */
};

/* Once it has been given to the store or to a worker it lives until that is done with it. */
struct Enquiry {
    EnquiryDone done; /* NULL: cancelled */
    void *user;
    Relay *relay;
    Settings *settings;
    char *id, *recipient, *sender;

    /* a page of the queue, or a run */
    GString *page;
    guint rows;
    bool more;
    char *last;
    guint64 count;

    /* newaliases */
    Aliases *aliases;
    char *digest;
    GError *error;
};

static void
enquiry_free(Enquiry *self)
{
    settings_free(self->settings);
    if (self->page)
        g_string_free(self->page, TRUE);
    aliases_free(self->aliases);
    g_clear_error(&self->error);
    g_free(self->digest);
    g_free(self->last);
    g_free(self->id);
    g_free(self->recipient);
    g_free(self->sender);
    g_free(self);
}

/* Gives the answer, and is no more. */
static void
enquiry_end(Enquiry *self, int code, const char *dsn, const char *text)
{
    const Reply reply = { code, dsn, (char *) text };

    if (self->done)
        self->done(&reply, self->user);
    enquiry_free(self);
}

void
enquiry_cancel(Enquiry **enquiry)
{
    Enquiry *self = *enquiry;

    *enquiry = NULL;
    if (self)
        self->done = NULL;
}

/* --- the queue ----------------------------------------------------------------------------------- */

static void
visit_row(const StoreRow *row, void *user)
{
    Enquiry *self = user;

    self->rows++;
    if (self->page->len > PAGE_BYTES) {
        self->more = true;
        return;
    }
    mailq_append(self->page, row);
    g_free(self->last);
    self->last = g_strdup(row->entry->id);
}

static bool
run_list(Store *store, void *user, GError **error)
{
    Enquiry *self = user;
    const StoreQuery query = { .after = self->id, .max = PAGE_ENTRIES, .held = -1 };

    return store_each(store, &query, visit_row, self, error);
}

static bool
run_count(Store *store, void *user, GError **error)
{
    Enquiry *self = user;
    StoreStats stats = { 0 };
    bool done = store_stats(store, clock_now(), &stats, error);

    self->count = stats.entries;
    return done;
}

static bool
run_flush(Store *store, void *user, GError **error)
{
    Enquiry *self = user;
    const StoreQuery query = { .id = self->id, .recipient = self->recipient, .sender = self->sender, .held = 0 };
    guint n = 0;
    bool done = store_flush(store, &query, clock_now(), &n, error);

    self->count = n;
    return done;
}

static void
on_listed(void *user, const GError *error)
{
    Enquiry *self = user;
    bool more = self->more || self->rows == PAGE_ENTRIES;

    if (error) {
        enquiry_end(self, 451, "4.3.0", error->message);
        return;
    }
    g_string_append_printf(self->page, more ? "MORE=%s" : "END", self->last);
    enquiry_end(self, 250, "2.0.0", self->page->str);
}

static void
on_counted(void *user, const GError *error)
{
    Enquiry *self = user;

    if (error)
        enquiry_end(self, 451, "4.3.0", error->message);
    else
        enquiry_end(self, 250, "2.0.0", LOG_NUM(self->count));
}

static void
on_flushed(void *user, const GError *error)
{
    Enquiry *self = user;

    if (!error && self->done)
        relay_wake(self->relay);
    on_counted(user, error);
}

/* False: there is no queue. */
static bool
ask_queue(Enquiry *self, SmtpAsk what)
{
    static const StoreTask list = { run_list, on_listed }, count = { run_count, on_counted },
                           flush = { run_flush, on_flushed };
    StoreThread *store = relay_store(self->relay);

    if (!store) {
        enquiry_end(self, 250, "2.0.0", what == SMTP_ASK_LIST ? "END" : "0");
        return false;
    }
    self->page = g_string_new(NULL);
    store_thread_do(store, what == SMTP_ASK_LIST ? &list : what == SMTP_ASK_COUNT ? &count : &flush, self);
    return true;
}

/* --- addresses ----------------------------------------------------------------------------------- */

static const char *
route_name(const RelaySettings *settings, const RouteFacts *facts, const char *recipient)
{
    for (guint i = 0; i < settings->routes->len; i++) {
        const Route *route = settings->routes->pdata[i];
        if (route_fits(route, facts, recipient))
            return route->name;
    }
    return NULL;
}

static void
append_limit(GString *out, const char *name, gint64 value)
{
    if (value > 0)
        g_string_append_printf(out, " %s=%" G_GINT64_FORMAT, name, value);
}

static void
append_route(GString *out, const RelaySettings *settings, const RouteFacts *facts, const char *recipient)
{
    const Provider *account = relay_settings_route(settings, facts, recipient);
    const char *route = route_name(settings, facts, recipient);
    const TranslateConf *translate = &account->translate;
    const ProviderLimits *limits = &account->limits;
    g_autofree char *domains = translate->from_domains ? g_strjoinv(", ", translate->from_domains) : NULL;

    g_string_append_printf(out, "%s: mailer %s, account %s, %s%s\n", recipient, account->driver->name, account->name,
                           route ? "route " : "no route", route ? route : "");
    if (account->fallback)
        g_string_append_printf(out, "  fallback: account %s\n", account->fallback->name);
    g_string_append_printf(out, "  From: %s%s%s%s\n", domains && *domains ? "of " : "any", domains ? domains : "",
                           translate->default_from ? ", else " : "",
                           translate->default_from ? translate->default_from : "");
    g_string_append(out, "  limits:");
    append_limit(out, "mail-bytes", limits->mail_bytes);
    append_limit(out, "subject-chars", limits->subject_chars);
    append_limit(out, "subject-bytes", limits->subject_bytes);
    append_limit(out, "text-chars", limits->text_chars);
    append_limit(out, "html-chars", limits->html_chars);
    append_limit(out, "header-bytes", limits->header_bytes);
    append_limit(out, "attachments", limits->attachments);
    append_limit(out, "to", limits->to);
    append_limit(out, "cc", limits->cc);
    append_limit(out, "bcc", limits->bcc);
    append_limit(out, "calls", limits->calls);
    g_string_append_c(out, '\n');
}

/* The address is what a session would take; what it stands for was checked with the alias file. */
static void
ask_address(Enquiry *self, const EnquiryWorld *world, const SmtpQuestion *question)
{
    const RelaySettings *settings = world->settings->relay;
    const char *given = question->sender ? question->sender : world->user ? world->user : "";
    g_autofree char *sender = *given ? address_qualify(given, settings->where.default_domain) : g_strdup("");
    g_autoptr(Envelope) envelope = envelope_new(sender);
    g_autoptr(GPtrArray) targets = aliases_expand(&settings->where, question->address);
    const RouteFacts facts = { envelope, *sender ? sender : NULL };
    GString *out = g_string_new(NULL);

    envelope->listener = g_strdup(world->listener);
    envelope->user = g_strdup(world->user);
    for (guint i = 0; i < targets->len; i++) {
        const char *target = targets->pdata[i];
        if (question->what == SMTP_ASK_ROUTE)
            append_route(out, settings, &facts, target);
        else
            g_string_append_printf(out, "deliverable: mailer %s, user %s\n",
                                   relay_settings_route(settings, &facts, target)->name, target);
    }
    self->page = out;
    enquiry_end(self, 250, "2.1.5", out->str);
}

/* --- newaliases ---------------------------------------------------------------------------------- */

static void
aliases_run(void *user)
{
    Enquiry *self = user;
    const char *path = self->settings->relay->conf.alias_file;
    g_autofree char *text = NULL;
    gsize length;

    if (g_file_get_contents(path, &text, &length, &self->error)) {
        self->digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *) text, length);
        self->aliases = aliases_load(path, &self->error);
    }
}

static void
aliases_done(void *user)
{
    Enquiry *self = user;
    RelaySettings *settings = self->settings->relay;

    if (self->error) {
        log_event(LOG_ERR, "aliases-refused", "text", self->error->message, NULL);
        enquiry_end(self, 554, "5.3.5", self->error->message);
        return;
    }
    if (relay_settings_take_aliases(settings, &self->aliases, self->digest))
        log_event(LOG_NOTICE, "aliases-read", "text", settings->conf.alias_file, NULL);
    enquiry_end(self, 250, "2.0.0", settings->conf.alias_file);
}

static void
aliases_dropped(void *user)
{
    enquiry_free(user);
}

/* --- all ----------------------------------------------------------------------------------------- */

Enquiry *
enquiry_start(const EnquiryWorld *world, const SmtpQuestion *question, EnquiryDone done, void *user)
{
    static const WorkOps reading = { aliases_run, aliases_done, aliases_dropped };
    Enquiry *self = g_new0(Enquiry, 1);

    self->done = done;
    self->user = user;
    self->relay = world->relay;
    self->settings = settings_ref(world->settings);
    if (question->what == SMTP_ASK_VERIFY || question->what == SMTP_ASK_ROUTE) {
        ask_address(self, world, question);
        return NULL;
    }
    if (question->what != SMTP_ASK_ALIASES) {
        self->id = g_strdup(id_bare(question->id));
        self->recipient = g_strdup(question->address);
        self->sender = g_strdup(question->sender);
        return ask_queue(self, question->what) ? self : NULL;
    }
    if (!world->settings->relay->conf.alias_file) {
        enquiry_end(self, 250, "2.0.0", "No alias-file is set");
        return NULL;
    }
    work_start(world->loop, &reading, self);
    return self;
}
