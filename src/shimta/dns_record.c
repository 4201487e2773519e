#include "shimta/dns_record.h"

#include <string.h>

enum { STRING_BYTES = 255, KEY_LEAST = 100 };

/* What stands between quotes, one after another; text without quotes as it is. Caller frees. */
static char *
join_strings(const char *text)
{
    GString *joined = g_string_new(NULL);
    bool inside = false;

    if (!strchr(text, '"')) {
        g_string_assign(joined, text);
        return g_string_free(joined, FALSE);
    }
    for (const char *p = text; *p; p++) {
        bool escaped = *p == '\\' && p[1];
        p += escaped;
        if (*p == '"' && !escaped)
            inside = !inside;
        else if (inside)
            g_string_append_c(joined, *p);
    }
    return g_string_free(joined, FALSE);
}

/* The key in PEM, or bare base64 of one (an RSA key's DER begins with MI); NULL: something else. Caller frees. */
static char *
bare_key(const char *text)
{
    GString *key = g_string_new(NULL);
    const char *at = text;
    const char *end = strstr(text, "-----END");

    if (g_str_has_prefix(text, "-----BEGIN PUBLIC KEY-----"))
        at += strlen("-----BEGIN PUBLIC KEY-----");
    for (; *at && at != end; at++) {
        bool base64 = g_ascii_isalnum(*at) || strchr("+/=", *at);
        if (!base64 && !g_ascii_isspace(*at))
            break;
        if (base64)
            g_string_append_c(key, *at);
    }
    bool whole = (!*at || at == end) && key->len >= KEY_LEAST && g_str_has_prefix(key->str, "MI");
    return g_string_free(key, !whole);
}

/* The record's text, if the value holds one. Caller frees. */
static char *
key_text(const char *value)
{
    g_autofree char *joined = join_strings(value);
    const char *tag = strstr(joined, "v=DKIM1");

    g_strstrip(joined);
    if (tag)
        return g_strchomp(g_strdup(tag));
    if (g_str_has_prefix(joined, "k=rsa") || g_str_has_prefix(joined, "p=MI"))
        return g_strdup_printf("v=DKIM1; %s", joined);
    g_autofree char *key = bare_key(joined);
    return key ? g_strdup_printf("v=DKIM1; k=rsa; p=%s", key) : NULL;
}

/* "s1._domainkey.example.net." of a value that begins so; NULL: it does not. Caller frees. */
static char *
owner_name(const char *value)
{
    size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    g_autofree char *name = g_strndup(value, n);
    const char *mark = strstr(name, "._domainkey.");

    if (!mark || mark == name || !mark[strlen("._domainkey.")] || (value[n] && !g_ascii_isspace(value[n])))
        return NULL;
    return g_strdup_printf("%s%s", name, g_str_has_suffix(name, ".") ? "" : ".");
}

/* A name's labels must not end the line or begin another: nothing but what host names have. */
static bool
is_name(const char *text)
{
    return text && *text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(text);
}

static void
append_strings(GString *line, const char *text)
{
    guint n = 0;

    g_string_append(line, " \"");
    for (const char *p = text; *p; p++) {
        if (n == STRING_BYTES)
            g_string_append(line, "\" \"");
        n = n == STRING_BYTES ? 1 : n + 1;
        if (*p == '"' || *p == '\\')
            g_string_append_c(line, '\\');
        if ((guchar) *p < ' ' || (guchar) *p >= 127)
            g_string_append_printf(line, "\\%03u", (guchar) *p);
        else
            g_string_append_c(line, *p);
    }
    g_string_append_c(line, '"');
}

char *
dns_record(const QueryRow *row, const char *domain, const char *selector)
{
    const char *its_domain = query_row_get(row, QUERY_FIELD_DOMAIN);
    const char *its_selector = query_row_get(row, QUERY_FIELD_SELECTOR);
    g_autofree char *text = NULL, *owner = NULL;

    for (guint i = 0; i < row->fields->len; i++) {
        const char *value = g_array_index(row->fields, QueryField, i).value;
        text = text ? text : key_text(value);
        owner = owner ? owner : owner_name(value);
    }
    domain = is_name(its_domain) ? its_domain : domain;
    selector = is_name(its_selector) ? its_selector : selector;
    if (!owner && is_name(domain) && is_name(selector))
        owner = g_strdup_printf("%s._domainkey.%s%s", selector, domain, g_str_has_suffix(domain, ".") ? "" : ".");
    if (!text || !owner)
        return NULL;
    GString *line = g_string_new(owner);
    g_string_append(line, " IN TXT (");
    append_strings(line, text);
    g_string_append(line, " )");
    return g_string_free(line, FALSE);
}
