/* An HTTP listener that follows the settings: open from the start where they name an address, and moved, opened or
 * closed by a reload that takes effect. Loop thread. */
#pragma once

#include "web/server.h"

typedef struct Site Site;

/* conf->name is also the event that the log has of its address. conf is copied but for what it points to: name, methods
 * and user are needed later. address NULL: closed. One that cannot be had is logged: mail does not wait for it. */
Site *site_new(uv_loop_t *loop, const WebConf *conf);

/* The settings are about to have this address: opens it. False sets an IoError, and nothing has changed; one that could
 * not be had before is tried again, and logged if it still cannot. Either way site_settle() follows; taken: they are in
 * force. */
bool site_prepare(Site *self, const char *address, guint mode, GError **error);
void site_settle(Site *self, bool taken);

/* Whether anybody can come. */
bool site_is_open(const Site *self);

/* Its loop must run on until its handles are closed. */
void site_close(Site *self);
