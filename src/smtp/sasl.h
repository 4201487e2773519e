/* The server's side of an AUTH exchange: PLAIN, LOGIN and SCRAM-SHA-256. What the client sends is base64, as it stands
 * in the protocol. Passwords are not judged here, which takes long: SASL_CHECK asks the caller to. The session is the
 * user. One thread. */
#pragma once

#include "base/secret.h"
#include "smtp/password.h"

typedef struct Sasl Sasl;

/* " SCRAM-SHA-256 PLAIN LOGIN", or without SCRAM, for EHLO. */
const char *sasl_mechanisms(const Passwords *passwords);

/* NULL if the mechanism is not offered. passwords is borrowed. */
Sasl *sasl_new(const char *mechanism, const Passwords *passwords);
void sasl_free(Sasl *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sasl, sasl_free)

typedef enum {
    SASL_MORE,    /* *challenge goes to the client, whose answer is the next response */
    SASL_CHECK,   /* sasl_user() is who has sasl_password() */
    SASL_PROVED,  /* sasl_user() has shown to know the password */
    SASL_REFUSED, /* has not, or wants to be another; there may be no name */
    SASL_BAD,     /* not base64, or not what the mechanism prescribes */
} SaslResult;

/* response: NULL for none yet. challenge is valid until the next call. */
SaslResult sasl_step(Sasl *self, const char *response, const char **challenge);

const char *sasl_mechanism(const Sasl *self);

/* Clean, or NULL. */
const char *sasl_user(const Sasl *self);

/* After SASL_CHECK. */
const Secret *sasl_password(const Sasl *self);
