/* aliases(5) for envelope recipients without a domain, or at a local domain. Loaded at
 * start-up and reload; look-ups are pure. Targets are addresses and other aliases; programs,
 * files and includes are errors, since shimta delivers to nobody but the API. */
#pragma once

#include "mail/envelope.h"

typedef struct Aliases Aliases;

/* Errors name file and line. */
Aliases *aliases_load(const char *path, GError **error);
Aliases *aliases_parse(const char *name, const char *text, GError **error);
void aliases_free(Aliases *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Aliases, aliases_free)

typedef struct {
    const Aliases *aliases;      /* or NULL */
    const char *default_domain;  /* or NULL */
    char *const *local_domains;  /* NULL-terminated, or NULL */
} Localities;

/* Replaces address by what it stands for, qualified: a GPtrArray of char * (freed with it), at least
 * one, none twice: no more than the file has targets. A loop ends at the name itself, and so does `\name`. The alias
 * `default` serves every local name without one of its own. An address no alias names is
 * returned qualified. */
GPtrArray *aliases_expand(const Localities *where, const char *address);
