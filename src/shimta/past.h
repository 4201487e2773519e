/* What the journal knows of mails: by asking the daemon or, where none answers, from the journal's folder. One thread;
 * blocks. */
#pragma once

#include "daemon/settings.h"
#include "shimta/link.h"

typedef struct Past Past;

/* What it was opened by. */
typedef enum {
    PAST_DAEMON,
    PAST_LEFT,   /* no daemon runs: this is what it has left */
    PAST_BEHIND, /* one runs and does not answer: the last seconds may be missing */
} PastSource;

/* why, which the caller frees, is why no daemon answers. NULL: an error, and status is an exit status. */
Past *past_open(const DaemonConf *conf, PastSource *source, char **why, int *status, GError **error);

/* Where the folder was read this process works again where, and as whom, it did before. */
void past_close(Past *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Past, past_close)

/* Queue ids of the mails that word belongs to, the latest first, at most max; more: there are others. Caller unrefs; NULL
 * with an error. */
GPtrArray *past_mails(Past *self, const char *word, guint max, bool *more, GError **error);

/* What happened to the mail of that queue id, the oldest first: objects with at_ms, event and the other names of
 * JournalLine, which are borrowed. */
bool past_lines(Past *self, const char *id, const LinkReader *reader, GError **error);

/* The daemon, or NULL. */
Link *past_link(Past *self);
