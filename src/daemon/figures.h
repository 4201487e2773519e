/* What the daemon's own side counts since the start: clients, their sessions and mails. What became of the mails the
 * relay counts (relay/figures.h). Loop thread. */
#pragma once

#include "base/meter.h"
#include "mail/reply.h"
#include "queue/entry.h"

#include <stdbool.h>

extern Meter *const daemon_figures[]; /* NULL-terminated */

void figures_session(const char *listener, bool begins);

/* Most connections are taken, or are not any more. */
void figures_stress(bool begins);

/* A client was turned away before there was a session; why is one of few texts. */
void figures_refused(const char *listener, const char *why);

/* A client or user has sent too much of late; rate is the key that says so. */
void figures_limited(const char *listener, const char *rate);

/* A reply to a client that makes errors was held back. */
void figures_slowed(const char *listener);

/* A handshake has ended; protocol NULL: it failed. */
void figures_tls(const char *listener, const char *protocol);

/* Somebody has tried to say who he is; result is one of few words. */
void figures_auth(const char *mechanism, const char *result);

/* Somebody has posted events, or tried to; result is one of few words. */
void figures_webhook(const char *result);

/* A mail on its way to its answer. */
typedef struct {
    guint recipients;
    gint64 bytes;
} MailFigure;

MailFigure figures_mail(const Entry *entry);
void figures_answered(const MailFigure *mail, const char *listener, const Reply *reply);

/* The same where each of n recipients got a reply of his own: one mail, taken if it was for one of them. */
void figures_answered_each(const MailFigure *mail, const char *listener, const Reply *replies, guint n);
