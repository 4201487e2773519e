/* Mail that sendmail has left in drop-dir while no daemon was there: each file is fed to a session as sendmail would
 * have, and removed once the mail is accepted. Loop thread. */
#pragma once

#include "daemon/drop_folder.h"
#include "daemon/ingress.h"

typedef struct Drop Drop;

/* Looks into the folder at once, whenever something appears there, and each minute. folder is taken, hub borrowed. Limits are
 * those of the section that serves sendmail when a mail is begun; while there is none, none is. */
Drop *drop_new(const IngressHub *hub, DropFolder *folder);

/* Begins no mail any more. empty comes once, when those begun have their answer, or limit_ms have gone by; perhaps
 * before this has returned. */
void drop_drain(Drop *self, gint64 limit_ms, void (*empty)(void *user), void *user);

/* After `empty` and once the loop has run out. NULL is fine. */
void drop_free(Drop *self);
