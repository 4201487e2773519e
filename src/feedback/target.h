/* Where bounces go that do not go by mail. Blocks; worker thread. */
#pragma once

#include "provider/feedback_conf.h"

typedef struct {
    const char *id;      /* of the bounce */
    const char *sender;  /* of the mail that came back: whom LMTP has it for */
    const char *bytes;   /* the bounce, CRLF */
    gsize n;
} TargetMail;

/* To an LMTP server, into a Maildir, or through a program. False sets error: it may work later. */
bool target_deliver(const FeedbackConf *conf, const TargetMail *mail, GError **error);
