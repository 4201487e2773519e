#include "daemon/ingress_state.h"

#include "base/log.h"

#include <string.h>

/* 450 and not 452: some clients take a 452 for a full envelope, and send the rest again at once. 450 and not 421: who
 * shares the connection, such as the other users of a relay, still gets his mail through. */
#define CODE 450
#define DSN "4.7.1"

static const char *const keys[RATED_SOURCES][RATED_KINDS] = {
    { "client-rate", "client-recipient-rate" },
    { "user-rate", "user-recipient-rate" },
};
static const char *const nouns[RATED_KINDS] = { "messages", "recipients" };

/* --- who is counted ------------------------------------------------------------------------------ */

static void
know_client(Ingress *self, const Listen *listen)
{
    if (self->client.has_uid || !limits_has_rate(&listen->limits.client))
        return;
    self->rated.limits[RATED_CLIENT] = &listen->limits.client;
    self->rated.sources[RATED_CLIENT] = rates_source(self->hub->rates, listen->name, 'c', self->client.key,
                                                     sizeof self->client.key);
}

/* Who has shown who he is counts as that, whoever runs his program. */
static void
know_user(Ingress *self, const Listen *listen)
{
    RateSource *source = &self->rated.sources[RATED_USER];

    if ((!self->authenticated && !self->client.has_uid) || !limits_has_rate(&listen->limits.user))
        return;
    self->rated.limits[RATED_USER] = &listen->limits.user;
    if (self->authenticated)
        *source = rates_source(self->hub->rates, listen->name, 'l', self->authenticated, strlen(self->authenticated));
    else
        *source = rates_source(self->hub->rates, listen->name, 'u', &self->client.uid, sizeof self->client.uid);
}

/* --- counting ------------------------------------------------------------------------------------ */

static void
count(Ingress *self, RatedKind kind, int n)
{
    for (guint i = 0; i < RATED_SOURCES; i++) {
        if (self->rated.limits[i])
            rates_add(self->hub->rates, &self->rated.sources[i], self->rated.limits[i], kind, n);
    }
    self->rated.counted[kind] += n;
}

static const Reply *
refuse(Ingress *self, RatedSource source, RatedKind kind, gint64 wait_ms)
{
    const char *listener = self->client.listen->name, *key = keys[source][kind];
    const char *user = self->authenticated ? self->authenticated : self->envelope->user;
    g_autofree char *when = rate_words(wait_ms);

    figures_limited(listener, key);
    rates_log(self->hub->rates, self->client.client, listener, user, key);
    g_snprintf(self->rated.text, sizeof self->rated.text, "Too many %s from %s, try again %s", nouns[kind],
               source == RATED_USER ? "you" : "your address", when);
    self->rated.reply = (Reply) { CODE, (char *) DSN, self->rated.text };
    return &self->rated.reply;
}

/* NULL: there is room for one more. Else who waits longest says for how long. */
static const Reply *
judge(Ingress *self, RatedKind kind)
{
    gint64 longest = 0;
    RatedSource whose = RATED_CLIENT;

    for (guint i = 0; i < RATED_SOURCES; i++) {
        const RateLimits *limits = self->rated.limits[i];
        gint64 wait = limits ? rates_wait(self->hub->rates, &self->rated.sources[i], limits, kind) : 0;
        if (wait > longest) {
            longest = wait;
            whose = (RatedSource) i;
        }
    }
    return longest > 0 ? refuse(self, whose, kind, longest) : NULL;
}

const Reply *
ingress_rate_mail(Ingress *self)
{
    const Reply *refusal;

    self->rated = (Rated) { 0 };
    know_client(self, self->client.listen);
    know_user(self, self->client.listen);
    refusal = judge(self, RATED_MESSAGES);
    if (!refusal)
        refusal = judge(self, RATED_RECIPIENTS); /* better before a mail than in the middle of it */
    if (!refusal)
        count(self, RATED_MESSAGES, 1);
    return refusal;
}

const Reply *
ingress_rate_rcpt(Ingress *self)
{
    const Reply *refusal = judge(self, RATED_RECIPIENTS);

    if (!refusal)
        count(self, RATED_RECIPIENTS, 1);
    return refusal;
}

void
ingress_rate_answered(Ingress *self, const Reply *replies, guint n)
{
    self->rated.stays = false;
    for (guint i = 0; i < n; i++)
        self->rated.stays |= replies[i].code / 100 != 4;
}

void
ingress_rate_end(Ingress *self)
{
    for (guint kind = 0; kind < RATED_KINDS && !self->rated.stays; kind++)
        count(self, (RatedKind) kind, -self->rated.counted[kind]);
    self->rated = (Rated) { 0 };
}
