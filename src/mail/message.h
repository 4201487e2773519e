/* An open message: the spooled bytes as GMime's tree. The spool stays open as long as the
 * message or any part of it is referenced. Opened and used on a worker thread with a
 * full stack, then handed on with its Mail; one thread at a time. */
#pragma once

#include "base/spool.h"
#include "mail/scan.h"

#define MAIL_ERROR (g_quark_from_static_string("mail"))

typedef enum {
    MAIL_ERROR_READ,        /* the spool could not be read: 451 4.3.0 */
    MAIL_ERROR_SYNTAX,      /* 554 5.6.0 */
    MAIL_ERROR_LOOP,        /* 554 5.4.6 */
    MAIL_ERROR_ENCRYPTED,   /* 554 5.6.1 */
    MAIL_ERROR_NO_SENDER,   /* 554 5.6.0 */
    MAIL_ERROR_NO_RECIPIENT, /* 554 5.5.4: -t and nobody named */
    MAIL_ERROR_BAD_RECIPIENT, /* 553 5.1.3: -t and something named that is no address */
    MAIL_ERROR_TOO_BIG,       /* 552 5.3.4: known where it came in, as the next */
    MAIL_ERROR_TOO_OLD,       /* 554 5.4.7 */
    MAIL_ERROR_DENIED,        /* 550 5.7.1: -t and somebody named to whom no mail may go from there */
} MailError;

typedef struct Message Message;

/* Parses a finished spool; scan has seen exactly its bytes and is finished. What no parser
 * likes is still a mail: its text is the body. Fails only with MAIL_ERROR_READ, or when the
 * scan refused it. */
Message *message_open(Spool *spool, const Scan *scan, GError **error);

/* Whether message_open() would take it as far as the scan can tell; else with its error. */
bool message_allowed(const Scan *scan, GError **error);
void message_free(Message *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Message, message_free)
