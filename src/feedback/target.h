/* Where bounces go that do not go by mail. Blocks; worker thread. */
#pragma once

#include "provider/feedback_conf.h"

typedef struct {
    const char *id;      /* of the bounce */
    const char *sender;  /* of the mail that came back: whom LMTP has it for */
    const char *bytes;   /* the bounce, CRLF */
    gsize n;
    gint64 patience_ms;   /* how long a server or program has for all of it */
    const gint *stopping; /* atomic: not 0 is a hint to come to an end; NULL: never */
} TargetMail;

/* To an LMTP server, into a Maildir (durable then), or through a program. False sets error: G_FILE_ERROR_PERM where this
 * bounce was refused for good; else it may work later: G_FILE_ERROR_FAILED where this bounce was refused for now,
 * G_FILE_ERROR_AGAIN where there was no answer in time, any other where there is nobody at the moment. */
bool target_deliver(const FeedbackConf *conf, const TargetMail *mail, GError **error);
