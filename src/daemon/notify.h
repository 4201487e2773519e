/* sd_notify(3) without its library: tells a service manager how far we are. */
#pragma once

#include <uv.h>

/* Sends a state such as "READY=1" to $NOTIFY_SOCKET; does nothing without one. A
 * manager that does not read is waited for a second at most. */
void notify(const char *state);

/* Says at half the interval of WATCHDOG_USEC that the loop runs; keeps no loop alive. timer is the caller's to close. */
void notify_watchdog(uv_loop_t *loop, uv_timer_t *timer);
