/* One mail that sendmail has left as a file: its dialogue fed to a session line by line, as sendmail would have spoken
 * it, up to the answer to its message. Loop thread. */
#pragma once

#include "daemon/drop_folder.h"
#include "daemon/ingress.h"

typedef struct DropMail DropMail;

/* code: of SMTP; 2xx: accepted, 5xx: refused for good, or no mail at all. text is valid during the call. */
typedef void (*DropMailDone)(DropMail *mail, int code, const char *text, void *user);

/* Takes file; hub, whose settings have a section for sendmail, is borrowed. old: it is to be refused, and its sender told. done comes once, never before this has returned. */
DropMail *drop_mail_start(const IngressHub *hub, DropFile *file, bool old, DropMailDone done, void *user);

const DropFile *drop_mail_file(const DropMail *self);

/* In done, or before: then it is left as it is. */
void drop_mail_free(DropMail *self);
