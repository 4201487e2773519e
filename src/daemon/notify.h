/* sd_notify(3) without its library: tells a service manager how far we are. */
#pragma once

/* Sends a state such as "READY=1" to $NOTIFY_SOCKET; does nothing without one. */
void notify(const char *state);
