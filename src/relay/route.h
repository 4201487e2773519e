/* Which account a recipient's mail goes through: sections [route NAME], the first that fits, else the account of
 * [shimta]. Pure. */
#pragma once

#include "mail/envelope.h"
#include "provider/provider.h"

/* The keys of a section; each that is set must fit. */
typedef struct {
    char *account;
    char **from;
    char **sender;
    char **to;
    char **listener;
    char **user;
} RouteConf;

extern const ConfKey route_conf_keys[];

typedef struct {
    char *name;
    RouteConf conf;
    const Provider *account;
} Route;

Route *route_new(const char *name);
void route_free(Route *self);

/* Checks what was read from the section, but for the account. */
bool route_check(const Route *self, const ConfFile *file, GError **error);

/* One of the patterns of a route: an address, "*@domain", a domain, "<>" for the null sender. */
bool route_pattern_check(const char *pattern, bool is_sender);
bool route_pattern_fits(const char *pattern, const char *address);

/* Whether one of a NULL-terminated list does. */
bool route_patterns_fit(char **patterns, const char *address);

/* What is known of a mail. */
typedef struct {
    const Envelope *envelope;
    const char *from; /* the address in its From; NULL: none */
} RouteFacts;

/* Whether a mail to this recipient takes the route. */
bool route_fits(const Route *self, const RouteFacts *facts, const char *recipient);
