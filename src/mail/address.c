#include "mail/address.h"

#include <string.h>

#define LABEL_BYTES 63
#define DOMAIN_BYTES 1024 /* as U-labels; the conversion takes quadratic time */

Mailbox *
mailbox_new(const char *name, const char *address)
{
    Mailbox *self = g_new(Mailbox, 1);

    self->name = g_strdup(name ? name : "");
    self->address = g_strdup(address);
    return self;
}

void
mailbox_free(Mailbox *self)
{
    if (!self)
        return;
    g_free(self->name);
    g_free(self->address);
    g_free(self);
}

/* Control, format and separator characters beyond ASCII have no place in an address: they hide what
 * it says. */
static bool
is_visible(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_SPACE_SEPARATOR:
        return c == ' ';
    default:
        return true;
    }
}

/* Length of the quoted string that text starts with, quotes included; 0 if it isn't one. A
 * backslash before a letter or digit quotes nothing and only serves to be misread. */
static size_t
quoted_length(const char *text)
{
    const char *p = text + 1;

    for (; *p && *p != '"'; p = g_utf8_next_char(p)) {
        if (*p == '\\' && (g_ascii_isalnum(*++p) || *p < ' ' || *p > '~'))
            return 0;
        if (!is_visible(g_utf8_get_char(p)))
            return 0;
    }
    return *p && p > text + 1 ? (size_t)(p + 1 - text) : 0;
}

/* Length of the local part that text starts with; 0 if there is none. Dots may stand anywhere but
 * first: Japanese carriers gave out addresses such as a..b@ and a.@ */
static size_t
local_length(const char *text)
{
    if (*text == '"')
        return quoted_length(text);
    if (*text == '.' || *text == '-')
        return 0;

    const char *p = text;
    while (g_ascii_isalnum(*p) || (*p && strchr("!#$%&'*+-/=?^_`{|}~.", *p)) ||
           ((guchar)*p >= 0x80 && is_visible(g_utf8_get_char(p))))
        p = g_utf8_next_char(p);
    return (size_t)(p - text);
}

/* Domain in A-labels, lower case; NULL if that can't be done. */
static char *
domain_to_ascii(const char *domain)
{
    if (!g_str_is_ascii(domain))
        return strlen(domain) <= DOMAIN_BYTES ? g_hostname_to_ascii(domain) : NULL;
    return g_ascii_strdown(domain, -1);
}

static AddressCheck
check_domain(const char *domain)
{
    g_autofree char *ascii = domain_to_ascii(domain);

    if (!ascii)
        return ADDRESS_BAD;
    for (const char *label = ascii;;) {
        size_t n = strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-_");

        if (n == 0 || label[0] == '-' || label[n - 1] == '-' || (label[n] && label[n] != '.'))
            return ADDRESS_BAD;
        if (n > LABEL_BYTES)
            return ADDRESS_TOO_LONG;
        if (!label[n])
            return ADDRESS_OK;
        label += n + 1;
    }
}

AddressCheck
address_check(const char *address)
{
    if (!g_utf8_validate(address, -1, NULL))
        return ADDRESS_BAD;

    size_t local = local_length(address);
    if (local == 0 || (address[local] && address[local] != '@'))
        return ADDRESS_BAD;
    if (strlen(address) > ADDRESS_MAX_BYTES)
        return ADDRESS_TOO_LONG;
    if (address[local]) {
        AddressCheck domain = check_domain(address + local + 1);
        if (domain != ADDRESS_OK)
            return domain;
    }
    return g_str_is_ascii(address) ? ADDRESS_OK : ADDRESS_NOT_ASCII;
}

bool
address_is_whole(const char *address)
{
    AddressCheck check = address_check(address);

    return (check == ADDRESS_OK || check == ADDRESS_NOT_ASCII) && address_domain(address);
}

const char *
address_domain(const char *address)
{
    const char *at = NULL;
    bool quoted = false;

    for (const char *p = address; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (*p == '@' && !quoted)
            at = p;
    }
    return at ? at + 1 : NULL;
}

/* "a\ b" and a b are one local part. */
static char *
unquote_local(const char *local, size_t n)
{
    if (n < 2 || local[0] != '"' || local[n - 1] != '"')
        return g_strndup(local, n);

    GString *out = g_string_sized_new(n);
    for (size_t i = 1; i + 1 < n; i++) {
        if (local[i] == '\\' && i + 2 < n)
            i++;
        g_string_append_c(out, local[i]);
    }
    return g_string_free(out, FALSE);
}

static char *
fold_case(const char *text)
{
    if (g_str_is_ascii(text) || !g_utf8_validate(text, -1, NULL))
        return g_ascii_strdown(text, -1);
    return g_utf8_casefold(text, -1);
}

bool
address_same(const char *a, const char *b)
{
    g_autofree char *key_a = address_key(a);
    g_autofree char *key_b = address_key(b);

    return g_str_equal(key_a, key_b);
}

char *
address_key(const char *address)
{
    if (g_str_is_ascii(address) && !strchr(address, '"')) /* nothing to undo: nearly all */
        return g_ascii_strdown(address, -1);

    const char *domain = address_domain(address);
    g_autofree char *local = unquote_local(address, domain ? (size_t)(domain - 1 - address) : strlen(address));
    g_autofree char *folded = fold_case(local);

    if (!domain)
        return g_steal_pointer(&folded);

    g_autofree char *ascii = domain_to_ascii(domain);
    return g_strconcat(folded, "@", ascii ? ascii : domain, NULL);
}

char *
address_to_ascii(const char *address)
{
    const char *domain = address_domain(address);

    if (!domain || g_str_is_ascii(domain))
        return g_strdup(address);

    g_autofree char *ascii = domain_to_ascii(domain);
    return ascii ? g_strdup_printf("%.*s%s", (int)(domain - address), address, ascii) : NULL;
}

char *
address_qualify(const char *address, const char *domain)
{
    const char *own = address_domain(address);

    if (!domain || (own && *own))
        return g_strdup(address);
    return g_strdup_printf("%s%s%s", address, own ? "" : "@", domain);
}
