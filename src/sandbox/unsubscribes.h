/* Who has unsubscribed with one click, by scope: a header From for Arara, "" for Customers Mail Cloud. Used on the
 * server's thread alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* How long Arara and Customers Mail Cloud leave a recipient out (api/arara-v2, section 10). */
#define UNSUBSCRIBED_DAYS 90

typedef struct {
    char *scope;
    char *address;
    char *message_id;           /* without brackets */
    char *appended;             /* to the service's URL by the customer; NULL: the URL was the service's own */
    gint64 time_us;
    bool lifted;                /* the recipient wants mail again, or is not left out at all */
} Unsubscribe;

typedef struct Unsubscribes Unsubscribes;

/* Keeps no more than max, the newest. */
Unsubscribes *unsubscribes_new(guint max);
void unsubscribes_free(Unsubscribes *self);

/* Copies it. With something appended the recipient isn't left out: that is the customer's. */
void unsubscribes_add(Unsubscribes *self, const Unsubscribe *entry);

/* True if the recipient is being left out at that time. */
bool unsubscribes_exclude(const Unsubscribes *self, const char *scope, const char *address, gint64 now_us);

/* Ends that; false if there was nothing to end. */
bool unsubscribes_lift(Unsubscribes *self, const char *scope, const char *address);

/* Of const Unsubscribe, oldest first. */
const GPtrArray *unsubscribes_all(const Unsubscribes *self);

/* One-click for a header From, for good; false if there are too many. */
bool unsubscribes_enable(Unsubscribes *self, const char *header_from);
bool unsubscribes_is_enabled(const Unsubscribes *self, const char *header_from);
