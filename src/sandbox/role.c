#include "sandbox/role.h"

#include <stdlib.h>
#include <string.h>

enum { CLASS_USER_UNKNOWN = 2, CLASS_MAILBOX_FULL = 5, CLASS_UNSUBSCRIBED = 11 };

static const struct {
    const char *prefix;
    Role role;
} prefixes[] = {
    { "bounce-", ROLE_BOUNCE }, { "mailbox-full-", ROLE_MAILBOX_FULL }, { "slow-", ROLE_SLOW },
    { "unsubscribe-", ROLE_UNSUBSCRIBE },
};

static const struct {
    unsigned number;
    const char *reason;
} classes[] = {
    { 1, "550 5.1.2 Host unknown" }, { 2, "550 5.1.1 User unknown" },
    { 3, "450 4.4.7 Delivery time expired" }, { 4, "550 5.7.1 Message refused by policy" },
    { 5, "452 4.2.2 Mailbox full" }, { 6, "550 5.2.4 Forwarding to another address failed" },
    { 7, "554 5.3.5 Receiving server is misconfigured" }, { 8, "552 5.3.4 Message too large" },
    { 9, "553 5.1.3 Malformed address" }, { 10, "550 5.1.1 Suppressed after an earlier failure" },
    { 11, "550 5.7.1 Suppressed after a one-click unsubscribe" }, { 99, "554 5.0.0 Transaction failed" },
};

Role
role_of(const char *address)
{
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (g_ascii_strncasecmp(address, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0)
            return prefixes[i].role;
    return ROLE_NONE;
}

unsigned
role_bounce_class(Role role, const char *address)
{
    if (role == ROLE_MAILBOX_FULL)
        return CLASS_MAILBOX_FULL;
    if (role == ROLE_EXCLUDED)
        return CLASS_UNSUBSCRIBED;
    if (role != ROLE_BOUNCE)
        return 0;
    char *end;
    unsigned long wanted = strtoul(address + strlen("bounce-"), &end, 10);
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++)
        if (*end == '-' && classes[i].number == wanted)
            return classes[i].number;
    return CLASS_USER_UNKNOWN;
}

const char *
role_bounce_reason(unsigned bounce_class)
{
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++)
        if (classes[i].number == bounce_class)
            return classes[i].reason;
    return "";
}
