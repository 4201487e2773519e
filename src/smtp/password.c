#include "smtp/password.h"

#include "base/secret.h"

#include <crypt.h>
#include <gsasl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SCRAM_PREFIX "{SCRAM-SHA-256}"

enum {
    FILE_BYTES = 16 * 1024 * 1024,
    KEY_BYTES = 32,  /* of SHA-256 */
    SALT_BYTES = 16, /* of verifiers made here */
    ITERATIONS = 100000,
    MIN_ITERATIONS = 4096, /* RFC 7677 */
    MAX_ITERATIONS = 10000000,
};

typedef struct {
    char *user;
    char *hash; /* "" or "*": no password of this kind */
    ScramVerifier scram; /* iterations NULL: none */
} Password;

struct Passwords {
    gint refs;
    GHashTable *by_user;
    GPtrArray *list;        /* of the same Password, in file order */
    const Password *sample; /* one with a verifier, whose form those of unknown users have */
    bool all_scram;
};

bool
password_user_is_clean(const char *user)
{
    size_t n = strlen(user);

    if (n == 0 || n > PASSWORD_USER_BYTES || !g_utf8_validate(user, (gssize)n, NULL))
        return false;
    for (const char *p = user; *p; p = g_utf8_next_char(p))
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return false;
    return true;
}

void
scram_verifier_clear(ScramVerifier *self)
{
    g_clear_pointer(&self->iterations, g_free);
    g_clear_pointer(&self->salt, g_free);
    g_clear_pointer(&self->stored_key, g_free);
    g_clear_pointer(&self->server_key, g_free);
}

static void
password_free(void *data)
{
    Password *self = data;

    scram_verifier_clear(&self->scram);
    g_free(self->user);
    g_free(self->hash);
    g_free(self);
}

/* --- reading ------------------------------------------------------------------------------------- */

static bool
is_base64(const char *text, gsize min, gsize max)
{
    gsize n = 0;

    if (!*text || strlen(text) % 4 != 0 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                        "0123456789+/=") != strlen(text))
        return false;
    g_free(g_base64_decode(text, &n));
    return n >= min && n <= max;
}

static bool
take_verifier(Password *self, const char *text)
{
    if (!g_str_has_prefix(text, SCRAM_PREFIX))
        return false;
    g_auto(GStrv) parts = g_strsplit(text + strlen(SCRAM_PREFIX), ",", -1);
    guint64 iterations;

    if (g_strv_length(parts) < 4
        || !g_ascii_string_to_unsigned(parts[0], 10, MIN_ITERATIONS, MAX_ITERATIONS, &iterations, NULL)
        || !is_base64(parts[1], 1, 1024) || !is_base64(parts[2], KEY_BYTES, KEY_BYTES)
        || !is_base64(parts[3], KEY_BYTES, KEY_BYTES))
        return false;
    self->scram = (ScramVerifier){
        g_strdup(parts[0]),
        g_strdup(parts[1]),
        g_strdup(parts[2]),
        g_strdup(parts[3]),
    };
    return true;
}

/* False for what crypt(3) would never accept, so that a wrong file shows when it is read; and for its oldest form,
 * which most passwords in plain text look like. */
static bool
is_hash(const char *hash)
{
    if (!*hash || g_str_equal(hash, "*"))
        return true;
    int judged = *hash == '$' ? crypt_checksalt(hash) : CRYPT_SALT_INVALID;

    return judged == CRYPT_SALT_OK || judged == CRYPT_SALT_METHOD_LEGACY || judged == CRYPT_SALT_TOO_CHEAP;
}

/* Reads a line into self; returns what is wrong with it, or NULL. */
static const char *
take_line(Password *self, const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, ":", 3);
    guint n = g_strv_length(fields);

    if (n < 2)
        return "must be user:hash or user:hash:verifier";
    if (!password_user_is_clean(fields[0]))
        return "the user's name is empty, too long or has control characters";
    if (!is_hash(fields[1]))
        return "the hash is none that crypt(3) knows here";
    if (n == 3 && *fields[2] && !take_verifier(self, fields[2]))
        return "the verifier must be " SCRAM_PREFIX "iterations,salt,StoredKey,ServerKey";
    if (!self->scram.iterations && (!*fields[1] || g_str_equal(fields[1], "*")))
        return "there is neither a hash nor a verifier";
    self->user = g_strdup(fields[0]);
    self->hash = g_strdup(fields[1]);
    return NULL;
}

static bool
passwords_add(Passwords *self, const char *line, const char *name, guint number, GError **error)
{
    Password *one = g_new0(Password, 1);
    const char *wrong = take_line(one, line);

    if (!wrong && g_hash_table_contains(self->by_user, one->user))
        wrong = "the user is there already";
    if (wrong) {
        password_free(one);
        g_set_error(error, PASSWORD_ERROR, 0, "%s:%u: %s", name, number, wrong);
        return false;
    }
    g_ptr_array_add(self->list, one);
    g_hash_table_insert(self->by_user, one->user, one);
    self->all_scram &= one->scram.iterations != NULL;
    if (!self->sample && one->scram.iterations)
        self->sample = one;
    return true;
}

Passwords *
passwords_parse(const char *name, const char *text, GError **error)
{
    g_autoptr(Passwords) self = g_new0(Passwords, 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    self->refs = 1;
    self->by_user = g_hash_table_new(g_str_hash, g_str_equal);
    self->list = g_ptr_array_new_with_free_func(password_free);
    self->all_scram = true;
    for (guint i = 0; lines[i]; i++) {
        g_strchomp(lines[i]);
        if (*lines[i] && *lines[i] != '#' && !passwords_add(self, lines[i], name, i + 1, error))
            return NULL;
    }
    return g_steal_pointer(&self);
}

Passwords *
passwords_load(const char *path, GError **error)
{
    g_autoptr(Secret) text = secret_load_text(path, FILE_BYTES, error);

    return text ? passwords_parse(path, secret_reveal(text), error) : NULL;
}

Passwords *
passwords_ref(Passwords *self)
{
    g_atomic_int_inc(&self->refs);
    return self;
}

void
passwords_unref(Passwords *self)
{
    if (!self || !g_atomic_int_dec_and_test(&self->refs))
        return;
    g_hash_table_unref(self->by_user);
    g_ptr_array_unref(self->list);
    g_free(self);
}

/* --- asking -------------------------------------------------------------------------------------- */

bool
passwords_are_none(const Passwords *self)
{
    return self->list->len == 0;
}

bool
passwords_have_scram(const Passwords *self)
{
    return self->all_scram;
}

static bool
has_hash(const Password *one)
{
    return *one->hash && !g_str_equal(one->hash, "*");
}

/* Bytes that are always the same for a user who is not there, and cannot be foretold without the file. One without
 * users has nobody to hide them among. */
static void
invent(const Passwords *self, const char *user, const char *what, guint8 bytes[KEY_BYTES])
{
    const Password *first = self->list->len > 0 ? self->list->pdata[0] : NULL;
    const char *key = !first ? "" : first->scram.server_key ? first->scram.server_key : first->hash;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)key, strlen(key));
    gsize n = KEY_BYTES;

    g_hmac_update(hmac, (const guchar *)what, -1);
    g_hmac_update(hmac, (const guchar *)user, -1);
    g_hmac_get_digest(hmac, bytes, &n);
    g_hmac_unref(hmac);
}

const char *
passwords_hash(const Passwords *self, const char *user, bool *known)
{
    const Password *one = g_hash_table_lookup(self->by_user, user);
    guint8 bytes[KEY_BYTES];

    *known = one && has_hash(one);
    if (*known)
        return one->hash;
    invent(self, user, "hash", bytes);
    guint start = bytes[0] | (guint)bytes[1] << 8;
    for (guint i = 0; i < self->list->len; i++) {
        one = self->list->pdata[(start + i) % self->list->len];
        if (has_hash(one))
            return one->hash;
    }
    return "*";
}

bool
password_matches(const char *hash, const char *password)
{
    void *data = NULL;
    int size = 0;
    const char *got = crypt_ra(password, hash, &data, &size);
    bool same = got && strlen(got) == strlen(hash);
    guchar differ = 0;

    for (size_t i = 0; same && hash[i]; i++)
        differ |= (guchar)(got[i] ^ hash[i]);
    if (data)
        explicit_bzero(data, (size_t)size);
    free(data);
    return same && !differ;
}

static char *
invent_base64(const Passwords *self, const char *user, const char *what, gsize n)
{
    guint8 bytes[KEY_BYTES];

    invent(self, user, what, bytes);
    return g_base64_encode(bytes, MIN(n, sizeof bytes));
}

/* What is invented is made for those who are there too: it takes a time that could be measured. */
ScramVerifier
passwords_scram(const Passwords *self, const char *user)
{
    const Password *one = g_hash_table_lookup(self->by_user, user);
    const ScramVerifier *known = one && one->scram.iterations ? &one->scram : NULL;
    gsize salt = SALT_BYTES;

    if (self->sample)
        g_free(g_base64_decode(self->sample->scram.salt, &salt));
    ScramVerifier invented = {
        g_strdup(self->sample ? self->sample->scram.iterations : "4096"),
        invent_base64(self, user, "salt", salt),
        invent_base64(self, user, "stored", KEY_BYTES),
        invent_base64(self, user, "server", KEY_BYTES),
    };
    const ScramVerifier *chosen = known ? known : &invented;
    ScramVerifier copy = {
        g_strdup(chosen->iterations),
        g_strdup(chosen->salt),
        g_strdup(chosen->stored_key),
        g_strdup(chosen->server_key),
    };
    scram_verifier_clear(&invented);
    return copy;
}

/* --- making -------------------------------------------------------------------------------------- */

static bool
fail(GError **error, const char *text)
{
    g_set_error_literal(error, PASSWORD_ERROR, 0, text);
    return false;
}

static char *
make_hash(const char *password, GError **error)
{
    char *setting = crypt_gensalt_ra(NULL, 0, NULL, 0);
    void *data = NULL;
    int size = 0;
    const char *hash = setting ? crypt_ra(password, setting, &data, &size) : NULL;
    char *copy = g_strdup(hash);

    if (!hash)
        fail(error, "crypt(3) cannot hash the password");
    if (data)
        explicit_bzero(data, (size_t)size);
    free(data);
    free(setting);
    return copy;
}

static char *
make_verifier(const char *password, GError **error)
{
    char salt[SALT_BYTES], salted[KEY_BYTES], client[KEY_BYTES], server[KEY_BYTES], stored[KEY_BYTES];
    char *prepared = NULL;

    if (gsasl_saslprep(password, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) != GSASL_OK
        || gsasl_nonce(salt, sizeof salt) != GSASL_OK
        || gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, prepared, ITERATIONS, salt, sizeof salt, salted,
                                             client, server, stored) != GSASL_OK) {
        gsasl_free(prepared);
        fail(error, "the password has characters that SASL does not allow");
        return NULL;
    }
    g_autofree char *salt64 = g_base64_encode((const guchar *)salt, sizeof salt);
    g_autofree char *stored64 = g_base64_encode((const guchar *)stored, sizeof stored);
    g_autofree char *server64 = g_base64_encode((const guchar *)server, sizeof server);
    explicit_bzero(prepared, strlen(prepared));
    explicit_bzero(salted, sizeof salted);
    explicit_bzero(client, sizeof client);
    gsasl_free(prepared);
    return g_strdup_printf(SCRAM_PREFIX "%d,%s,%s,%s", ITERATIONS, salt64, stored64, server64);
}

char *
password_line(const char *user, const char *password, GError **error)
{
    if (!password_user_is_clean(user) || strchr(user, ':') || *user == '#')
        fail(error, "a user's name must not be empty, too long, begin with # or have : or control characters");
    else if (!*password || strlen(password) > PASSWORD_BYTES || strpbrk(password, "\r\n"))
        fail(error, "a password must not be empty, longer than 511 bytes or have line breaks");
    else {
        g_autofree char *hash = make_hash(password, error);
        g_autofree char *verifier = hash ? make_verifier(password, error) : NULL;
        return verifier ? g_strdup_printf("%s:%s:%s", user, hash, verifier) : NULL;
    }
    return NULL;
}
