/* The users of AUTH: a file with a line for each, "user:hash" or "user:hash:verifier". The hash is one of crypt(3), for
 * mechanisms that send the password; the verifier is "{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey" (base64). A
 * user who is not there costs as much time as one who is. A table is read-only; any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define PASSWORD_ERROR (g_quark_from_static_string("password"))

enum { PASSWORD_USER_BYTES = 255, PASSWORD_BYTES = 511 };

typedef struct Passwords Passwords;

/* The file must be readable by its owner alone. Without users nobody can log in. Errors name file and line. */
Passwords *passwords_load(const char *path, GError **error);
Passwords *passwords_parse(const char *name, const char *text, GError **error);
Passwords *passwords_ref(Passwords *self);
void passwords_unref(Passwords *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Passwords, passwords_unref)

bool passwords_are_none(const Passwords *self);

/* Whether every user has a verifier: else those without could not get in where SCRAM is offered. */
bool passwords_have_scram(const Passwords *self);

/* What to give password_matches(); for an unknown user another's hash, and *known false. */
const char *passwords_hash(const Passwords *self, const char *user, bool *known);

/* Slow on purpose. */
bool password_matches(const char *hash, const char *password);

typedef struct {
    char *iterations, *salt, *stored_key, *server_key;
} ScramVerifier;

/* An unknown user gets one that looks like the others and never fits. The caller clears it. */
ScramVerifier passwords_scram(const Passwords *self, const char *user);
void scram_verifier_clear(ScramVerifier *self);

/* The line of a file for a user: hash and verifier, made of fresh salts. The caller frees it. */
char *password_line(const char *user, const char *password, GError **error);

/* Not empty, not too long, UTF-8 without control characters. */
bool password_user_is_clean(const char *user);
