#include "mail/scan_facts.h"

#include <string.h>

void
scan_facts_init(ScanFacts *self)
{
    self->digest = XXH3_createState(); /* it wants to be aligned */
    XXH3_128bits_reset(self->digest);
}

void
scan_facts_clear(ScanFacts *self)
{
    g_free(self->message_id);
    XXH3_freeState(self->digest);
}

void
scan_facts_bytes(ScanFacts *self, const char *bytes, gsize n)
{
    XXH3_128bits_update(self->digest, bytes, n);
}

/* The first one counts, whatever it is. */
static void
keep_message_id(ScanFacts *self, const char *value, gsize n)
{
    char *to;

    if (self->message_id)
        return;
    self->message_id = to = g_malloc(n + 1);
    for (gsize i = 0; i < n; i++)
        if (!strchr("\r\n", value[i])) /* a NUL, too */
            *to++ = value[i];
    *to = '\0';
    g_strstrip(self->message_id);
    if (strlen(self->message_id) > SCAN_MAX_MESSAGE_ID_BYTES)
        *self->message_id = '\0';
}

void
scan_facts_field(ScanFacts *self, const char *name, gsize n, const char *value, gsize value_length)
{
    if (n == 8 && g_ascii_strncasecmp(name, "received", n) == 0)
        self->received++;
    else if (n == 10 && g_ascii_strncasecmp(name, "message-id", n) == 0)
        keep_message_id(self, value, value_length);
}

guint
scan_received(const Scan *self)
{
    return scan_facts(self)->received;
}

const char *
scan_message_id(const Scan *self)
{
    const char *id = scan_facts(self)->message_id;

    return id && *id ? id : NULL;
}

ScanDigest
scan_digest(const Scan *self)
{
    XXH128_hash_t hash = XXH3_128bits_digest(scan_facts(self)->digest);

    return (ScanDigest) { hash.high64, hash.low64 };
}
