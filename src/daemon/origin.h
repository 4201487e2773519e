/* Whom a trusted client says it speaks for (XCLIENT), or has a mail from (XFORWARD). Loop thread. */
#pragma once

#include "daemon/settings.h"
#include "io/endpoint.h"
#include "smtp/handler.h"

typedef struct {
    char client[ENDPOINT_TEXT_BYTES]; /* "": it did not say */
    guint8 key[16];                   /* as endpoint_client_key()'s */
    char *helo, *login;               /* NULL: not said */
} Origin;

/* NULL: *self is filled. Else what to tell the client, constant: that an address is none, or, with a listener, that
 * its networks do not hold it. */
const Reply *origin_take(Origin *self, const SmtpOrigin *said, const Listen *listen);
void origin_clear(Origin *self);
