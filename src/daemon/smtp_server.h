/* Connections and their sessions: who may connect and how many, deadlines, and an orderly end. A
 * client that is slow, silent or hostile costs the others nothing. Loop thread. */
#pragma once

#include "daemon/ingress.h"

typedef struct SmtpServer SmtpServer;

/* empty comes once: when the last client has left after smtp_server_drain(), or the only one of
 * smtp_server_stdio(). hub is borrowed. files: how many descriptors the process may have. */
SmtpServer *smtp_server_new(const IngressHub *hub, guint files, void (*empty)(void *user), void *user);

/* Opens every [listen NAME]. Sets an IoError. */
bool smtp_server_listen(SmtpServer *self, GError **error);

/* Those that are gone are closed, new ones opened, others stay open and go by the new settings, which the hub must have
 * before the loop runs again. On error everything is as before. */
bool smtp_server_reload(SmtpServer *self, const Settings *settings, GError **error);

/* Serves one session on standard input and output. */
bool smtp_server_stdio(SmtpServer *self, GError **error);

/* Closes the listeners, ends idle sessions with 421, lets messages that are coming in or with the API finish for as
 * long as drain-timeout says. */
void smtp_server_drain(SmtpServer *self);

/* The same, but ends every session now. */
void smtp_server_cut(SmtpServer *self);

/* After `empty` came and the loop has run out, or before anything was started. */
void smtp_server_free(SmtpServer *self);
