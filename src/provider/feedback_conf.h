/* What an account's section says of bounces that come back: whether anybody asks, who is told, and whom no mail goes to
 * any more. Read-only once read. */
#pragma once

#include "base/conf.h"

typedef enum {
    FEEDBACK_TO_SENDER,
    FEEDBACK_TO_ADDRESS,
    FEEDBACK_TO_LMTP,
    FEEDBACK_TO_MAILDIR,
    FEEDBACK_TO_COMMAND,
} FeedbackTarget;

typedef struct {
    bool on;
    bool suppression;
    char **exempt;                  /* addresses and domains that are never suppressed */
    gint64 suppression_lifetime_ms; /* 0: for ever */
    gint64 lifetime_ms;             /* how long a mail's fate is awaited */
    gint64 interval_ms;             /* to the first question about a mail; later ones grow with it */
    char *to;
    char *rate;                     /* "5%", or NULL */

    /* What follows from those: */
    FeedbackTarget target;
    char *target_value;  /* an address, or a path */
    char **argv;         /* of FEEDBACK_TO_COMMAND */
    guint rate_per_mill; /* of a day's mails of a domain that may fail; 0: any */
} FeedbackConf;

/* Reads the keys of [account NAME]. */
bool feedback_conf_read(FeedbackConf *self, ConfFile *file, const char *name, GError **error);
void feedback_conf_clear(FeedbackConf *self);
void feedback_conf_print(const FeedbackConf *self, GString *out);

/* Whether an address is one of those that are never suppressed. */
bool feedback_conf_is_exempt(const FeedbackConf *self, const char *address);
