/* Who may be whom: judges what sessions learn by AUTH, off the loop, since a hash takes long on purpose. Attempts from one
 * address (or user of this machine) are judged one after the other, and after a wrong one the next waits 1 s, then 2 s,
 * up to 15 s, over how many connections ever they come. What is remembered of addresses is bounded. Loop thread. */
#pragma once

#include "mail/reply.h"
#include "smtp/handler.h"
#include "smtp/password.h"

#include <uv.h>

typedef struct Auth Auth;
typedef struct AuthCheck AuthCheck;

Auth *auth_new(uv_loop_t *loop);

/* After the loop has run out. */
void auth_free(Auth *self);

/* Who asks. Copied. */
typedef struct {
    guint8 key[16]; /* equal for those who share delays */
    const char *client, *listener; /* for the log */
    Passwords *passwords;
} AuthClient;

/* done comes once, never before this has returned, with 235, 535, or 454 if there is too much to do. */
AuthCheck *auth_check(Auth *self, const AuthClient *client, const SmtpAuth *what,
                      void (*done)(const Reply *reply, void *user), void *user);

/* The answer is not wanted any more; an attempt that has begun counts nevertheless. Clears the pointer; NULL inside is
 * fine. */
void auth_cancel(AuthCheck **check);
