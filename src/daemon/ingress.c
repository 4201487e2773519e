#include "daemon/ingress_state.h"

#include "base/log.h"
#include "daemon/asked.h"
#include "daemon/suppressed.h"

/* --- envelope ------------------------------------------------------------------------------------ */

static void
on_helo(void *user, const char *name, bool esmtp)
{
    Ingress *self = user;

    g_free(self->helo);
    self->helo = g_strdup(name);
}

/* MAIL's answer, once it is known who sends. */
static void
answer_mail(Ingress *self)
{
    static const Reply fine = { 250, "2.1.0", (char *) "Ok" };
    bool local = self->client.has_uid;
    const AccessWho who = {
        .login = self->authenticated,
        .user = local ? self->envelope->user : NULL,
        .uid = self->client.uid,
        .groups = local ? users_groups(self->hub->users, self->client.uid) : NULL,
    };
    const Reply *refusal = access_mail(&self->client.listen->access, &who, self->envelope->sender);

    if (!refusal)
        refusal = ingress_rate_mail(self);
    if (refusal)
        g_clear_pointer(&self->envelope, envelope_free);
    smtp_session_resume(self->session, refusal ? refusal : &fine);
}

static void
on_user_known(void *user)
{
    Ingress *self = user;

    self->lookup = NULL;
    self->envelope->user = g_strdup(users_known(self->hub->users, self->client.uid));
    answer_mail(self);
    self->ops->answered(self->user);
}

static DeliveryMode
delivery_of(const Ingress *self, const SmtpMail *mail)
{
    bool forced = self->client.delivery != DELIVERY_UNSET && mail->delivery != DELIVERY_LATER;

    return forced ? self->client.delivery : mail->delivery;
}

static void
on_mail(void *user, const SmtpMail *mail)
{
    Ingress *self = user;
    if (mail->account && !relay_settings_account(self->hub->settings->relay, mail->account)) {
        ingress_answer(self, 550, "5.3.5", "There is no account of that name");
        return;
    }
    Envelope *envelope = asked_envelope(mail, self->settings->relay->where.default_domain);

    self->binary = g_strcmp0(mail->body, "BINARYMIME") == 0;
    envelope->delivery = delivery_of(self, mail);
    envelope->refusal = self->client.too_old ? ENVELOPE_TOO_OLD : ENVELOPE_FINE;
    envelope->listener = g_strdup(self->client.listen->name);
    envelope->client = g_strdup(self->forwards.client[0] ? self->forwards.client : self->client.client);
    envelope->helo = g_strdup(self->forwards.helo ? self->forwards.helo : self->helo);
    envelope->auth = g_strdup(self->authenticated);
    envelope->tls = self->client.tls ? g_strdup(self->client.tls->protocol) : NULL;
    envelope->tls_client = self->client.tls ? g_strdup(self->client.tls->client) : NULL;
    self->envelope = envelope;
    if (self->client.has_uid) {
        if (!users_are_fresh(self->hub->users, self->client.uid)) {
            self->lookup = users_look_up(self->hub->users, self->client.uid, on_user_known, self);
            return;
        }
        envelope->user = g_strdup(users_known(self->hub->users, self->client.uid));
    }
    answer_mail(self);
}

/* The relay replaces it by what it stands for: aliases and domains are no business of a session. */
static void
on_rcpt(void *user, const SmtpRcpt *rcpt)
{
    static const Reply fine = { 250, "2.1.5", (char *) "Ok" };
    Ingress *self = user;
    g_autofree char *address = address_qualify(rcpt->address, self->settings->relay->where.default_domain);
    const Reply *refusal = access_rcpt(&self->client.listen->access, address);

    if (!refusal)
        refusal = ingress_rate_rcpt(self);
    if (!refusal && suppressed_refuse(self->session, self->settings->relay, self->envelope, address))
        return;
    if (!refusal)
        asked_rcpt(self->envelope, rcpt, self->client.listen->smtp.lmtp);
    smtp_session_resume(self->session, refusal ? refusal : &fine);
}

/* --- message ------------------------------------------------------------------------------------- */

static void
on_data_begin(void *user)
{
    Ingress *self = user;
    const DaemonConf *conf = &self->settings->conf;

    self->spool = spool_new((size_t) conf->spool_memory_bytes, conf->spool_folder);
    self->scan = scan_new();
    self->on_disk = self->failed = false;
    self->ends = (LineEnds) { 0 };
    ingress_answer(self, 354, NULL, "End data with <CR><LF>.<CR><LF>");
}

static void deliver(Ingress *self);

static void
storage_failed(Ingress *self, const GError *error)
{
    log_event(LOG_ERR, "spool-failed", "client", self->client.client, "text", error->message, NULL);
    self->failed = true;
}

static void
on_flushed(void *user, bool finished, const GError *error)
{
    Ingress *self = user;

    self->flush = NULL;
    if (error)
        storage_failed(self, error);
    if (!finished)
        smtp_session_resume(self->session, NULL);
    else if (!self->failed) {
        deliver(self);
        return;
    } else
        ingress_answer(self, 452, "4.3.1", "Insufficient system storage");
    self->ops->answered(self->user);
}

static void
start_flush(Ingress *self, bool finish)
{
    self->on_disk = true;
    self->flush = flush_start(self->hub->loop, self->spool, finish, on_flushed, self);
}

/* A binary message has no lines. */
static bool
minds_line_ends(const Ingress *self)
{
    int policy = self->client.listen->conf.bare_lf;

    return !self->binary && (policy == BARE_LF_REFUSE || policy == BARE_LF_REFUSE_TERMINATORS);
}

static bool
had_odd_dot(const Ingress *self)
{
    return minds_line_ends(self) && smtp_session_had_odd_dot(self->session);
}

static bool
on_data_bytes(void *user, const char *bytes, size_t n)
{
    Ingress *self = user;

    if (self->failed)
        return true;
    if (minds_line_ends(self))
        line_ends_push(&self->ends, bytes, n);
    scan_push(self->scan, bytes, n);
    spool_append(self->spool, bytes, n);
    if (!spool_is_full(self->spool))
        return true;
    start_flush(self, false);
    return false;
}

static void
on_data_end(void *user)
{
    Ingress *self = user;
    g_autoptr(GError) error = NULL;

    line_ends_finish(&self->ends);
    if (self->ends.terminator || had_odd_dot(self))
        ingress_answer(self, 550, "5.5.2", "A dot between line ends that are not CRLF");
    else if (self->ends.bare && self->client.listen->conf.bare_lf == BARE_LF_REFUSE)
        ingress_answer(self, 550, "5.5.2", "Bare CR or LF in the message");
    else if (!self->failed && self->on_disk)
        start_flush(self, true);
    else if (!self->failed && spool_finish(self->spool, &error))
        deliver(self);
    else {
        if (error)
            storage_failed(self, error);
        ingress_answer(self, 452, "4.3.1", "Insufficient system storage");
    }
}

/* It goes on for its header, from which the sender is told. */
static void
on_data_too_big(void *user)
{
    Ingress *self = user;

    self->envelope->refusal = ENVELOPE_TOO_BIG;
    on_data_end(self);
}

/* --- the way out --------------------------------------------------------------------------------- */

static void
on_reply(Waiter *waiter, const Reply *reply)
{
    Ingress *self = (Ingress *) ((char *) waiter - G_STRUCT_OFFSET(Ingress, waiter));

    figures_answered(&self->figure, self->client.listen->name, reply);
    ingress_rate_answered(self, reply, 1);
    smtp_session_resume(self->session, reply);
    self->ops->answered(self->user);
}

static void
on_reply_each(Waiter *waiter, const Reply *replies, guint n)
{
    Ingress *self = (Ingress *) ((char *) waiter - G_STRUCT_OFFSET(Ingress, waiter));

    figures_answered_each(&self->figure, self->client.listen->name, replies, n);
    ingress_rate_answered(self, replies, n);
    smtp_session_resume_each(self->session, replies, n);
    self->ops->answered(self->user);
}

static bool
on_asked(Waiter *waiter)
{
    Ingress *self = (Ingress *) ((char *) waiter - G_STRUCT_OFFSET(Ingress, waiter));

    return self->ops->is_there(self->user);
}

static void
deliver(Ingress *self)
{
    scan_finish(self->scan);
    Entry *entry = entry_new(g_steal_pointer(&self->envelope), g_steal_pointer(&self->spool),
                             g_steal_pointer(&self->scan));
    if (self->client.entry_id) {
        g_free(entry->id);
        entry->id = g_strdup(self->client.entry_id);
    }
    self->figure = figures_mail(entry);
    self->rated.stays = true; /* whether or not somebody waits for the answer */
    self->waiter.reply = on_reply;
    self->waiter.reply_each = on_reply_each;
    self->waiter.is_there = on_asked;
    self->waiter.wait_ms = self->client.listen->conf.wait_ms;
    if (entry->envelope->delivery == DELIVERY_UNSET)
        entry->envelope->delivery = DELIVERY_AUTO + self->client.listen->conf.delivery;
    relay_deliver(self->hub->relay, entry, &self->waiter);
}

/* --- questions ----------------------------------------------------------------------------------- */

static void
on_enquired(const Reply *reply, void *user)
{
    Ingress *self = user;
    bool later = !self->asking;

    self->enquiry = NULL;
    smtp_session_resume(self->session, reply);
    if (later)
        self->ops->answered(self->user);
}

/* A user who has asked for nothing else yet has no name here: routes by user are not for questions then. */
static void
on_ask(void *user, const SmtpQuestion *question)
{
    Ingress *self = user;
    const IngressHub *hub = self->hub;
    const EnquiryWorld world = {
        .loop = hub->loop,
        .settings = hub->settings,
        .relay = hub->relay,
        .listener = self->client.listen->name,
        .user = self->client.has_uid ? users_known(hub->users, self->client.uid) : NULL,
    };

    self->asking = true;
    self->enquiry = enquiry_start(&world, question, on_enquired, self);
    self->asking = false;
}

/* --- the session --------------------------------------------------------------------------------- */

static void
on_reset(void *user)
{
    Ingress *self = user;

    users_cancel(&self->lookup);
    ingress_rate_end(self);
    work_cancel(&self->flush);
    origin_clear(&self->forwards);
    g_clear_pointer(&self->envelope, envelope_free);
    g_clear_pointer(&self->spool, spool_unref);
    g_clear_pointer(&self->scan, scan_free);
}

static void
on_write(void *user, const char *bytes, size_t n)
{
    Ingress *self = user;

    self->ops->write(self->user, bytes, n);
}

static void
on_quit(void *user)
{
    Ingress *self = user;

    self->ops->quit(self->user);
}

static const SmtpHandler ingress_handler = {
    .write = on_write,
    .helo = on_helo,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data_begin = on_data_begin,
    .data_bytes = on_data_bytes,
    .data_end = on_data_end,
    .data_too_big = on_data_too_big,
    .reset = on_reset,
    .quit = on_quit,
    .ask = on_ask,
    .auth = ingress_on_auth,
    .starttls = ingress_on_starttls,
    .xclient = ingress_on_xclient,
    .xforward = ingress_on_xforward,
};

Ingress *
ingress_new(const IngressHub *hub, const IngressClient *client, const IngressOps *ops, void *user)
{
    Ingress *self = g_new0(Ingress, 1);

    self->hub = hub;
    self->settings = settings_ref(hub->settings);
    self->client = *client;
    self->connected = client->client;
    self->ops = ops;
    self->user = user;
    self->session = smtp_session_new(&client->listen->smtp, &ingress_handler, self);
    if (client->trusted)
        smtp_session_trust(self->session);
    return self;
}

SmtpSession *
ingress_session(const Ingress *self)
{
    return self->session;
}

void
ingress_free(Ingress *self)
{
    if (!self)
        return;
    smtp_session_free(self->session);
    enquiry_cancel(&self->enquiry);
    on_reset(self);
    auth_cancel(&self->check);
    relay_abandon(&self->waiter);
    origin_clear(&self->stands_for);
    g_free(self->helo);
    g_free(self->authenticated);
    g_free(self->claimed);
    settings_free(self->settings);
    g_free(self);
}
