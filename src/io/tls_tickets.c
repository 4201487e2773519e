#include "io/tls_tickets.h"

#include "base/clock.h"

#include <glib.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

enum {
    NAME_BYTES = 16, /* as OpenSSL has it */
    KEY_BYTES = 32,
    KEYS = 3, /* a session is good for two hours, OpenSSL's default: that long its ticket's key is known */
    KEY_MS = 3600 * 1000,
};

typedef struct {
    guint8 name[NAME_BYTES], cipher[KEY_BYTES], mac[KEY_BYTES];
    gint64 since_ms; /* 0: there is none */
} Key;

static Key keys[KEYS]; /* the newest first */

static bool
is_of_use(const Key *key, gint64 now_ms)
{
    return key->since_ms > 0 && now_ms - key->since_ms < (gint64) KEYS * KEY_MS;
}

/* The newest, made if there is none or it is too old; NULL: there is no chance to be had. */
static const Key *
current_key(gint64 now_ms)
{
    Key next = { .since_ms = MAX(1, now_ms) };

    if (keys[0].since_ms > 0 && now_ms - keys[0].since_ms < KEY_MS)
        return &keys[0];
    if (RAND_bytes(next.name, sizeof next.name) != 1 || RAND_priv_bytes(next.cipher, sizeof next.cipher) != 1 ||
        RAND_priv_bytes(next.mac, sizeof next.mac) != 1)
        return NULL;
    memmove(keys + 1, keys, sizeof keys - sizeof keys[0]);
    keys[0] = next;
    OPENSSL_cleanse(&next, sizeof next);
    return &keys[0];
}

static const Key *
find_key(const guint8 *name, gint64 now_ms)
{
    for (guint i = 0; i < KEYS; i++) {
        if (is_of_use(&keys[i], now_ms) && memcmp(keys[i].name, name, NAME_BYTES) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool
set_mac(EVP_MAC_CTX *mac, const Key *key)
{
    char digest[] = "SHA256";
    const OSSL_PARAM settings[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *) key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, settings) == 1;
}

/* Answers as SSL_CTX_set_tlsext_ticket_key_evp_cb(3) says: 1 it works, 2 and a new one is due, 0 an unknown key, -1. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int make)
{
    gint64 now_ms = clock_monotonic();
    const Key *key = make ? current_key(now_ms) : find_key(name, now_ms);

    if (!key)
        return make ? -1 : 0;
    if (make) {
        memcpy(name, key->name, NAME_BYTES);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            return -1;
    }
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, make) != 1 || !set_mac(mac, key))
        return -1;
    bool renew = key != &keys[0] || SSL_version(ssl) >= TLS1_3_VERSION; /* there a client uses each but once */
    return make || !renew ? 1 : 2;
}

void
tls_tickets_use(SSL_CTX *ssl)
{
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket);
}
