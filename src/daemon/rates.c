#include "daemon/rates.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum {
    WAYS = 16, /* places that a source may have */
    SETS = 4096,
    SECRET_BYTES = 32,
    LOG_MS = 1000,
};

typedef struct {
    guint64 hash; /* 0: nobody's */
    gint64 seen_ms, forget_ms;
    RateBuckets of[RATED_KINDS];
} Slot;

struct Rates {
    guint8 secret[SECRET_BYTES]; /* nobody shall choose who shares a set with whom */
    Slot *slots;                 /* SETS times WAYS; NULL until something is counted */
    gint64 logged_ms;
    guint unlogged;
};

Rates *
rates_new(void)
{
    Rates *self = g_new0(Rates, 1);

    if (getrandom(self->secret, sizeof self->secret, 0) != sizeof self->secret)
        g_error("getrandom: %s", g_strerror(errno));
    return self;
}

void
rates_free(Rates *self)
{
    if (!self)
        return;
    g_free(self->slots);
    g_free(self);
}

RateSource
rates_source(const Rates *self, const char *listener, char what, const void *bytes, size_t n)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize length = sizeof digest;
    RateSource source;

    g_checksum_update(sum, self->secret, sizeof self->secret);
    g_checksum_update(sum, (const guchar *) listener, (gssize) strlen(listener) + 1);
    g_checksum_update(sum, (const guchar *) &what, 1);
    g_checksum_update(sum, bytes, (gssize) n);
    g_checksum_get_digest(sum, digest, &length);
    memcpy(source.hash, digest, sizeof source.hash);
    source.hash[0] |= 1;
    return source;
}

static Slot *
set_of(const Rates *self, const RateSource *source)
{
    return self->slots + source->hash[1] % SETS * WAYS;
}

/* What is known of the source, as it is at the moment; or NULL. */
static Slot *
find(const Rates *self, const RateSource *source, const RateLimits *limits)
{
    Slot *set = self->slots ? set_of(self, source) : NULL;
    gint64 now = clock_monotonic();

    for (guint i = 0; set && i < WAYS; i++) {
        if (set[i].hash != source->hash[0])
            continue;
        for (guint kind = 0; kind < RATED_KINDS; kind++)
            rate_leak(&limits->of[kind], &set[i].of[kind], now - set[i].seen_ms);
        set[i].seen_ms = now;
        return &set[i];
    }
    return NULL;
}

static Slot *
take_over(Rates *self, const RateSource *source)
{
    if (!self->slots)
        self->slots = g_new0(Slot, (gsize) SETS * WAYS);
    Slot *set = set_of(self, source), *slot = set;

    for (guint i = 1; i < WAYS; i++) {
        if (set[i].forget_ms < slot->forget_ms)
            slot = &set[i];
    }
    *slot = (Slot) { .hash = source->hash[0], .seen_ms = clock_monotonic() };
    return slot;
}

gint64
rates_wait(Rates *self, const RateSource *source, const RateLimits *limits, RatedKind kind)
{
    const Slot *slot = find(self, source, limits);

    return slot ? rate_wait(&limits->of[kind], &slot->of[kind]) : 0;
}

void
rates_add(Rates *self, const RateSource *source, const RateLimits *limits, RatedKind kind, int n)
{
    Slot *slot = rate_is_set(&limits->of[kind]) ? find(self, source, limits) : NULL;

    if (!rate_is_set(&limits->of[kind]) || (!slot && n <= 0))
        return;
    if (!slot)
        slot = take_over(self, source);
    rate_add(&limits->of[kind], &slot->of[kind], n);
    slot->forget_ms = 0;
    for (guint i = 0; i < RATED_KINDS; i++)
        slot->forget_ms = MAX(slot->forget_ms, slot->seen_ms + rate_memory(&limits->of[i], &slot->of[i]));
}

void
rates_log(Rates *self, const char *client, const char *listener, const char *user, const char *rate)
{
    gint64 now = clock_monotonic();

    if (self->logged_ms > 0 && now - self->logged_ms < LOG_MS) {
        self->unlogged++;
        return;
    }
    log_event(LOG_NOTICE, "rate-limited", "client", client, "listener", listener, "user", user, "rate", rate, "others",
              self->unlogged > 0 ? LOG_NUM(self->unlogged) : NULL, NULL);
    self->logged_ms = now;
    self->unlogged = 0;
}
