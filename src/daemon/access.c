#include "daemon/access.h"

#include "relay/route.h"

#include <string.h>

const ConfKey access_conf_keys[] = {
    CONF_KEY(Access, users, "users", CONF_LIST, NULL),
    CONF_KEY(Access, local_users, "local-users", CONF_LIST, NULL),
    CONF_KEY(Access, senders, "senders", CONF_LIST, NULL),
    CONF_KEY(Access, recipients, "recipient-domains", CONF_LIST, NULL),
    { 0 },
};

static bool
is_set(char **list)
{
    return list && *list;
}

static bool
name_in(char **names, const char *name)
{
    return name && g_strv_contains((const char *const *) names, name);
}

/* The pattern behind the last colon: there is none in a pattern, and there may be one in a user's name. */
static const char *
rule_pattern(const char *rule)
{
    const char *colon = strrchr(rule, ':');

    return colon && colon > rule ? colon + 1 : NULL;
}

static bool
check_rules(const Access *self, const ConfFile *file, const char *name, GError **error)
{
    for (char **rule = self->senders; *rule; rule++) {
        const char *pattern = rule_pattern(*rule);
        if (!pattern || !route_pattern_check(pattern, true))
            return conf_fail(file, "listen", name, "senders", error,
                             "'%s' is not USER:ADDRESS, USER:*@DOMAIN or USER:<>", *rule);
    }
    for (char **pattern = self->recipients; *pattern; pattern++) {
        if (!route_pattern_check(*pattern, false))
            return conf_fail(file, "listen", name, "recipient-domains", error,
                             "'%s' is neither a domain nor an address", *pattern);
    }
    return true;
}

bool
access_read(Access *self, ConfFile *file, const char *name, GError **error)
{
    return conf_read(file, "listen", name, access_conf_keys, self, error) && check_rules(self, file, name, error);
}

void
access_clear(Access *self)
{
    conf_clear(access_conf_keys, self);
}

/* By name, by number, or by one of his groups. */
static bool
is_local(const Access *self, const AccessWho *who)
{
    g_autofree char *uid = g_strdup_printf("%u", who->uid);

    if (name_in(self->local_users, who->user) || name_in(self->local_users, uid))
        return true;
    for (char **rule = self->local_users; *rule; rule++) {
        if (**rule == '@' && who->groups && name_in(who->groups, *rule + 1))
            return true;
    }
    return false;
}

static bool
is_known(const Access *self, const AccessWho *who)
{
    if (who->login)
        return !is_set(self->users) || name_in(self->users, who->login);
    if (who->user && is_set(self->local_users))
        return is_local(self, who);
    return !is_set(self->users) && !is_set(self->local_users); /* nobody in particular */
}

/* Who has shown who he is counts as that, whoever runs his program. */
static bool
rule_is_for(const char *rule, const AccessWho *who)
{
    const char *name = who->login ? who->login : who->user;
    size_t n = (size_t) (rule_pattern(rule) - 1 - rule);

    return (n == 1 && *rule == '*') || (name && strlen(name) == n && strncmp(rule, name, n) == 0);
}

static bool
may_send_as(const Access *self, const AccessWho *who, const char *sender)
{
    if (!is_set(self->senders))
        return true;
    for (char **rule = self->senders; *rule; rule++) {
        if (rule_is_for(*rule, who) && route_pattern_fits(rule_pattern(*rule), sender))
            return true;
    }
    return false;
}

const Reply *
access_mail(const Access *self, const AccessWho *who, const char *sender)
{
    static const Reply unknown = { 550, "5.7.1", (char *) "You may not send mail here" };
    static const Reply other = { 553, "5.7.1", (char *) "You may not send as this sender" };

    if (!is_known(self, who))
        return &unknown;
    return may_send_as(self, who, sender) ? NULL : &other;
}

const Reply *
access_rcpt(const Access *self, const char *recipient)
{
    static const Reply denied = { 550, "5.7.1", (char *) "No mail to this recipient from here" };

    return !is_set(self->recipients) || route_patterns_fit(self->recipients, recipient) ? NULL : &denied;
}
