/* What a [listen NAME] section says about TLS and AUTH, and what it names: certificates, keys, users. Read at start-up;
 * to read the files again read the section again: sessions keep what they began with. */
#pragma once

#include "base/conf.h"
#include "io/tls.h"
#include "smtp/session.h"

typedef enum { AUTH_NO, AUTH_YES, AUTH_REQUIRED } AuthWanted;

typedef struct {
    int tls; /* SmtpTls */
    char **certificates, **keys;
    int client; /* TlsClient */
    char *client_ca;
    int auth; /* AuthWanted */
    bool auth_without_tls;
    char *password_file;
} SecureConf;

extern const ConfKey secure_conf_keys[];

typedef struct {
    SecureConf conf;
    TlsContext *context;  /* NULL: no TLS */
    Passwords *passwords; /* NULL: no AUTH */
} Secure;

/* Reads the section's keys and files. local: on a unix socket, where nobody listens in. */
bool secure_read(Secure *self, ConfFile *file, const char *name, bool local, GError **error);

/* What is allowed and hardly meant, or NULL. Static. */
const char *secure_doubt(const Secure *self);
void secure_clear(Secure *self);

/* Whether nobody sends mail who has not shown who he is, by AUTH or certificate. */
bool secure_knows_all(const Secure *self);

void secure_apply(const Secure *self, bool local, SmtpSettings *smtp);
