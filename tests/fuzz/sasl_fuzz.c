/* Fuzzes the server's side of SASL: the first byte chooses the mechanism, what follows up to each LF is an answer, sent
 * in base64 or, if it begins with a NUL, as it stands. */
#include "smtp/sasl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t n);

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static SaslResult
answer(Sasl *sasl, const guint8 *bytes, size_t n)
{
    const char *challenge = NULL;
    bool as_it_stands = n > 0 && bytes[0] == '\0';
    g_autofree char *text = as_it_stands ? g_strndup((const char *)bytes + 1, n - 1) : g_base64_encode(bytes, n);
    SaslResult result = sasl_step(sasl, text, &challenge);

    MUST((result == SASL_MORE) == (challenge != NULL));
    MUST(!challenge || strlen(challenge) < 64 * 1024);
    return result;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t n)
{
    static const char *const mechanisms[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256" };
    static Passwords *users;
    const char *challenge = NULL;
    SaslResult result = SASL_MORE;

    if (n == 0)
        return 0;
    if (!users)
        users = passwords_parse("users", "ann:*:{SCRAM-SHA-256}4096,c2FsdA==," KEY "," KEY "\n", NULL);
    g_autoptr(Sasl) sasl = sasl_new(mechanisms[data[0] % 3], users);
    if (data[0] & 128)
        result = sasl_step(sasl, NULL, &challenge);
    for (size_t at = 1, end; at < n && result == SASL_MORE; at = end + 1) {
        const guint8 *lf = memchr(data + at, '\n', n - at);
        end = lf ? (size_t)(lf - data) : n;
        result = answer(sasl, data + at, end - at);
    }
    const char *user = sasl_user(sasl);
    MUST(!user || password_user_is_clean(user));
    MUST(result != SASL_CHECK || (user && sasl_password(sasl) && *secret_reveal(sasl_password(sasl))));
    /* Nobody knows the keys of all zeros' password. */
    MUST(result != SASL_PROVED);
    return 0;
}
