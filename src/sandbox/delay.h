/* Holds connections back for a while without holding their thread: the server's thread
 * suspends them, a thread of this module's own lets them go. */
#pragma once

#include <glib.h>
#include <microhttpd.h>
#include <stdbool.h>

typedef struct Delays Delays;

Delays *delays_new(void);

/* After delays_stop(). */
void delays_free(Delays *self);

/* Suspends the connection for that time; false, and nothing done, once delays_stop() was
 * called. Server's thread, from within the request handler. */
bool delays_start(Delays *self, struct MHD_Connection *connection, unsigned ms);

/* Resumes all, lets no other in and ends the thread. Main thread. */
void delays_stop(Delays *self);
