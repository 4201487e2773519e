/* What a [listen NAME] section says about who may send as whom, and to whom. The envelope decides; aliases of ours are
 * the operator's word and not asked. Read with the section; the judgement is pure, any thread. */
#pragma once

#include "base/conf.h"
#include "mail/reply.h"

#include <stdbool.h>

typedef struct {
    char **users, **local_users; /* none: all */
    char **senders;              /* "who:pattern"; none: whoever may send may send as anybody */
    char **recipients;           /* patterns; none: all */
} Access;

extern const ConfKey access_conf_keys[];

/* Who sends; NULL for what is not known or does not apply. */
typedef struct {
    const char *login; /* shown by AUTH */
    const char *user;  /* of this machine, as users_known() says it */
    guint uid;         /* of user */
    char **groups;     /* his, as users_groups() says them; NULL: none */
} AccessWho;

/* Reads the section's keys. */
bool access_read(Access *self, ConfFile *file, const char *name, GError **error);
void access_clear(Access *self);

/* NULL: it may be. Else what to answer to MAIL; constant. sender: "" for the null sender. */
const Reply *access_mail(const Access *self, const AccessWho *who, const char *sender);

/* The same for RCPT. What a header names is asked where it is read (relay/expand.h). */
const Reply *access_rcpt(const Access *self, const char *recipient);
