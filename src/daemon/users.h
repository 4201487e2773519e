/* Names and groups of the users who submit mail on a unix socket. The system may ask a directory server for
 * one, so the first look-up of each runs on the thread pool; then the name is known. Loop thread. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

typedef struct Users Users;
typedef struct UserLookup UserLookup;

Users *users_new(uv_loop_t *loop);

/* After all look-ups have ended. */
void users_free(Users *self);

/* "alice", or "uid=1000" for who has no name; NULL if not looked up yet. Valid until users_free(). */
const char *users_known(const Users *self, uid_t uid);

/* Nothing is to be looked up: name and groups are known. */
bool users_are_fresh(const Users *self, uid_t uid);

/* Names of the groups that he is in, NULL-terminated; NULL for who has none or was not looked up yet. Until
 * users_forget(). */
char **users_groups(const Users *self, uid_t uid);

/* The groups may have changed: each is looked up again. */
void users_forget(Users *self);

/* done comes once, never before this has returned; then users_known() knows. */
UserLookup *users_look_up(Users *self, uid_t uid, void (*done)(void *user), void *user);

/* Clears the pointer; NULL inside is fine. */
void users_cancel(UserLookup **lookup);
