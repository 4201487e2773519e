#include "relay/duplicates.h"

#include "base/clock.h"
#include "mail/address.h"

#include <string.h>

/* A result, in one piece of memory. In the order of their times, which all last equally long. */
typedef struct Result Result;
struct Result {
    DuplicateKey key;
    gint64 at_ms; /* monotonic */
    Result *older, *newer;
    char *id;    /* of the entry that is still on its way; NULL: it is not */
    char text[]; /* of the reply */
};

typedef struct DuplicateFlight {
    DuplicateKey key;
    DuplicateGuest *host;
    GQueue joined; /* of DuplicateGuest */
} DuplicateFlight;

struct Duplicates {
    gint64 window_ms;
    guint max;
    GHashTable *results; /* of Result, its key the first member */
    GHashTable *flights; /* of DuplicateFlight, likewise */
    GHashTable *by_id;   /* id -> Result: those that have one */
    Result *oldest, *newest;
};

/* --- keys ------------------------------------------------------------------------------------------------ */

static void
hash_string(GChecksum *sum, const char *text)
{
    /* With its end, so that no two lists of strings are the same bytes. */
    g_checksum_update(sum, (const guchar *) (text ? text : ""), (text ? (gssize) strlen(text) : 0) + 1);
}

typedef struct {
    char *key;
    const EnvelopeRecipient *recipient;
} Named;

static int
compare_named(const void *a, const void *b)
{
    return strcmp(((const Named *) a)->key, ((const Named *) b)->key);
}

static void
named_clear(void *element)
{
    g_free(((Named *) element)->key);
}

/* In any order. */
static void
hash_recipients(GChecksum *sum, const GPtrArray *recipients)
{
    g_autoptr(GArray) all = g_array_sized_new(FALSE, FALSE, sizeof(Named), recipients->len);

    g_array_set_clear_func(all, named_clear);
    for (guint i = 0; i < recipients->len; i++) {
        const EnvelopeRecipient *recipient = recipients->pdata[i];
        Named one = { address_key(recipient->address), recipient };
        g_array_append_val(all, one);
    }
    g_array_sort(all, compare_named);
    for (guint i = 0; i < all->len; i++) {
        const Named *one = &g_array_index(all, Named, i);
        hash_string(sum, one->key);
        hash_string(sum, one->recipient->notify);
        hash_string(sum, one->recipient->orcpt);
    }
}

static void
hash_order(GChecksum *sum, const Envelope *envelope)
{
    for (guint i = 0; envelope->asked && i < envelope->asked->len; i++) {
        guint place = g_array_index((const GArray *) envelope->asked->pdata[i], guint, 0);
        const EnvelopeRecipient *recipient = envelope->recipients->pdata[place];
        g_autofree char *key = address_key(recipient->address);
        hash_string(sum, key);
    }
}

/* Listener and whoever sends belong to it: routes decide by them, the same bytes from somebody else may go another way,
 * and nobody is answered with what is another's. So does what the sender wants to hear. */
bool
duplicate_key(DuplicateKey *self, const Envelope *envelope, const Scan *scan)
{
    const char *id = scan_message_id(scan);
    ScanDigest content = scan_digest(scan);
    guint8 digest[32];
    gsize n = sizeof digest;

    if (!id)
        return false;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *sender = address_key(envelope->sender);
    hash_string(sum, id);
    hash_string(sum, sender);
    hash_string(sum, envelope->listener);
    hash_string(sum, envelope->user);
    hash_string(sum, envelope->auth);
    hash_string(sum, envelope->tls_client);
    hash_string(sum, envelope->ret);
    hash_string(sum, envelope->envid);
    hash_string(sum, envelope->notify);
    hash_string(sum, envelope->from_headers ? "-t" : "");
    hash_string(sum, envelope->no_aliases ? "-n" : "");
    hash_recipients(sum, envelope->recipients);
    hash_order(sum, envelope);
    g_checksum_update(sum, (const guchar *) &content, sizeof content);
    g_checksum_get_digest(sum, digest, &n);
    memcpy(self, digest, sizeof *self);
    return true;
}

void
duplicate_key_print(const DuplicateKey *self, char text[DUPLICATE_HEX_BYTES])
{
    g_snprintf(text, DUPLICATE_HEX_BYTES, "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", self->high,
               self->low);
}

bool
duplicate_key_parse(DuplicateKey *self, const char *text)
{
    guint64 halves[2] = { 0, 0 };

    if (strlen(text) != DUPLICATE_HEX_BYTES - 1)
        return false;
    for (guint i = 0; i < DUPLICATE_HEX_BYTES - 1; i++) {
        int digit = g_ascii_xdigit_value(text[i]);
        if (digit < 0)
            return false;
        halves[i / 16] = halves[i / 16] << 4 | (guint64) digit;
    }
    *self = (DuplicateKey) { halves[0], halves[1] };
    return true;
}

static guint
key_hash(const void *key)
{
    return (guint) ((const DuplicateKey *) key)->low;
}

static gboolean
key_equal(const void *a, const void *b)
{
    const DuplicateKey *one = a, *other = b;

    return one->high == other->high && one->low == other->low;
}

/* --- results --------------------------------------------------------------------------------------------- */

static void
result_free(void *data)
{
    Result *self = data;

    g_free(self->id);
    g_free(self);
}

static void
forget(Duplicates *self, Result *result)
{
    if (result->id)
        g_hash_table_remove(self->by_id, result->id);
    *(result->older ? &result->older->newer : &self->oldest) = result->newer;
    *(result->newer ? &result->newer->older : &self->newest) = result->older;
    g_hash_table_remove(self->results, result); /* frees it */
}

static void
forget_old(Duplicates *self)
{
    gint64 limit = clock_monotonic() - self->window_ms;

    while (self->oldest && (self->oldest->at_ms <= limit || g_hash_table_size(self->results) > self->max))
        forget(self, self->oldest);
}

/* Of many lines those that fit. */
static gsize
kept_length(const char *text)
{
    gsize n = strlen(text);

    if (n < DUPLICATE_TEXT_BYTES)
        return n;
    const char *end = memrchr(text, '\n', DUPLICATE_TEXT_BYTES);
    return end ? (gsize) (end - text) : DUPLICATE_TEXT_BYTES - 1;
}

static void
remember(Duplicates *self, const DuplicateKey *key, gint64 at_ms, const char *id, const char *text)
{
    gsize n = kept_length(text);
    Result *known = g_hash_table_lookup(self->results, key);

    if (known)
        forget(self, known);
    Result *result = g_malloc(sizeof *result + n + 1);
    *result = (Result) { .key = *key, .at_ms = at_ms, .older = self->newest, .id = g_strdup(id) };
    memcpy(result->text, text, n);
    result->text[n] = '\0';
    *(self->newest ? &self->newest->newer : &self->oldest) = result;
    self->newest = result;
    g_hash_table_add(self->results, result);
    if (result->id)
        g_hash_table_insert(self->by_id, result->id, result);
    forget_old(self);
}

/* --- guests ---------------------------------------------------------------------------------------------- */

Duplicates *
duplicates_new(gint64 window_ms, guint max)
{
    Duplicates *self = g_new0(Duplicates, 1);

    self->window_ms = window_ms;
    self->max = max;
    self->results = g_hash_table_new_full(key_hash, key_equal, result_free, NULL);
    self->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    self->flights = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
    return self;
}

void
duplicates_free(Duplicates *self)
{
    if (!self)
        return;
    g_assert(g_hash_table_size(self->flights) == 0);
    g_hash_table_unref(self->by_id);
    g_hash_table_unref(self->results);
    g_hash_table_unref(self->flights);
    g_free(self);
}

static void
take_off(Duplicates *self, const DuplicateKey *key, DuplicateGuest *guest)
{
    DuplicateFlight *flight = g_new0(DuplicateFlight, 1);

    flight->key = *key;
    flight->host = guest;
    g_queue_init(&flight->joined);
    guest->flight = flight;
    g_hash_table_add(self->flights, flight);
}

DuplicateVerdict
duplicates_meet(Duplicates *self, const DuplicateKey *key, DuplicateGuest *guest, Reply *known)
{
    if (self->window_ms == 0)
        return DUPLICATE_FRESH;
    forget_old(self);
    const Result *result = g_hash_table_lookup(self->results, key);
    if (result) {
        reply_set(known, 250, "2.0.0", "%s", result->text);
        return DUPLICATE_KNOWN;
    }
    DuplicateFlight *flight = g_hash_table_lookup(self->flights, key);
    if (!flight) {
        take_off(self, key, guest);
        return DUPLICATE_FRESH;
    }
    guest->flight = flight;
    guest->link.data = guest;
    g_queue_push_tail_link(&flight->joined, &guest->link);
    return DUPLICATE_JOINED;
}

static DuplicateGuest *
first_joined(DuplicateFlight *flight)
{
    GList *link = g_queue_pop_head_link(&flight->joined);

    return link ? link->data : NULL;
}

void
duplicates_settle(Duplicates *self, DuplicateGuest *host, const char *id, const Reply *reply, const GArray *each)
{
    DuplicateFlight *flight = host->flight;
    DuplicateGuest *guest;

    if (!flight || flight->host != host)
        return;
    if (reply->code == 250)
        remember(self, &flight->key, clock_monotonic(), id, reply->text);
    /* Out of reach before the first of them hears it: he may bring the mail again. */
    host->flight = NULL;
    flight->host = NULL;
    g_hash_table_steal(self->flights, flight);
    while ((guest = first_joined(flight))) {
        guest->flight = NULL;
        guest->answer(guest, reply, each);
    }
    g_free(flight);
}

DuplicateGuest *
duplicates_leave(Duplicates *self, DuplicateGuest *guest)
{
    DuplicateFlight *flight = g_steal_pointer(&guest->flight);

    if (!flight)
        return NULL;
    if (flight->host != guest) {
        g_queue_unlink(&flight->joined, &guest->link);
        return NULL;
    }
    flight->host = first_joined(flight);
    if (flight->host)
        return flight->host;
    g_hash_table_remove(self->flights, flight);
    return NULL;
}

DuplicateGuest *
duplicates_host(const DuplicateGuest *guest)
{
    return guest->flight->host;
}

bool
duplicates_joined(const DuplicateGuest *host)
{
    const DuplicateFlight *flight = host->flight;

    return flight && flight->host == host && !g_queue_is_empty((GQueue *) &flight->joined);
}

void
duplicates_remember(Duplicates *self, const DuplicateKey *key, gint64 when_ms, const char *id, const char *text)
{
    gint64 age_ms = MAX(clock_now() - when_ms, 0); /* of the future: the clock went back */

    if (age_ms < self->window_ms)
        remember(self, key, clock_monotonic() - age_ms, id, text);
}

bool
duplicates_forget(Duplicates *self, const char *id)
{
    Result *result = g_hash_table_lookup(self->by_id, id);

    if (result)
        forget(self, result);
    return result != NULL;
}

guint
duplicates_size(const Duplicates *self)
{
    return g_hash_table_size(self->results) + g_hash_table_size(self->flights);
}
