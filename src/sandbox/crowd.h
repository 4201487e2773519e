/* How many API requests of each user are being served, for the limit of connections at
 * a time. Used on the server's thread alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Crowd Crowd;

/* At most limit of the same user at a time. */
Crowd *crowd_new(unsigned limit);
void crowd_free(Crowd *self);

/* Counts the user in; false, and nothing counted, when the limit is reached. */
bool crowd_enter(Crowd *self, const char *user);

/* Counts a user out that had come in. */
void crowd_leave(Crowd *self, const char *user);

/* The most that any user had at a time so far. */
unsigned crowd_peak(const Crowd *self);
