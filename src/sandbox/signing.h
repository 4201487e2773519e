/* Arara's DKIM domains: the selectors of each and what they are set to. Used on the server's thread alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *domain;
    char *selector;
    char *start_date;           /* as sent; NULL: at once */
    char *record;               /* the text for DNS; its key is made up and signs nothing */
    guint key_bits;
    bool is_default;
    bool enabled;
    gint64 registered_us;
} SigningKey;

typedef struct Signing Signing;

/* Of no more than max selectors. */
Signing *signing_new(guint max);
void signing_free(Signing *self);

/* How many more it can hold. */
guint signing_room(const Signing *self);

/* A selector of a domain with a new key of 1024 or 2048 bits, for the caller to set up; selector NULL: one is made up.
 * NULL if the domain has that selector or there are too many. */
SigningKey *signing_add(Signing *self, const char *domain, const char *selector, guint key_bits, gint64 now_us);

/* NULL if there is none. */
SigningKey *signing_find(const Signing *self, const char *domain, const char *selector);

void signing_set_start(SigningKey *key, const char *start_date);

/* Makes one the default: there is one at most. */
void signing_set_default(Signing *self, SigningKey *key, bool is_default);

void signing_remove(Signing *self, SigningKey *key);

/* Of const SigningKey, those of a domain together, oldest first. */
const GPtrArray *signing_all(const Signing *self);
