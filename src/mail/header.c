#include "mail/header.h"

#include "mail/encoded_word.h"

#include <string.h>

/* Sent in fields of their own or made anew by the API, tell who else got the mail, or would
 * no longer be true. */
static const char *const never[] = {
    "from", "to", "cc", "bcc", "subject", "date", "message-id", "received", "return-path", "mime-*",
    "content-*", "dkim-*", "arc-*", "authentication-results", "resent-bcc", "x-original-to-header",
    "x-original-cc-header", "x-original-message-id", NULL,
};

static const char *const always[] = {
    "content-language", NULL,
};

static const char *const usual[] = {
    "x-*", "references", "in-reply-to", "list-*", "auto-submitted", "precedence", "importance",
    "priority", "sensitivity", "keywords", "comments", "organization", "feedback-id", "thread-topic",
    "thread-index", "disposition-notification-to", "content-language", NULL,
};

static bool
is_listed(const char *name, const char *const *list)
{
    for (; list && *list; list++) {
        gsize n = strlen(*list);
        if (n && (*list)[n - 1] == '*' ? g_ascii_strncasecmp(name, *list, n - 1) == 0
                                       : g_ascii_strcasecmp(name, *list) == 0)
            return true;
    }
    return false;
}

bool
header_passes(const char *name, char *const *pass, char *const *drop)
{
    if (!header_name_valid(name) || (is_listed(name, never) && !is_listed(name, always)))
        return false;
    if (is_listed(name, (const char *const *) drop))
        return false;
    return is_listed(name, usual) || is_listed(name, (const char *const *) pass);
}

bool
header_name_valid(const char *name)
{
    if (!*name)
        return false;
    for (; *name; name++)
        if (*name <= ' ' || *name >= 0x7f || *name == ':')
            return false;
    return true;
}

char *
header_value(const char *raw, const char *hint)
{
    return encoded_word_decode(raw, hint);
}

char *
header_cut_references(const char *value, gsize max)
{
    g_auto(GStrv) ids = g_strsplit_set(value, " \t\r\n", -1);
    guint first = 0, n = g_strv_length(ids);

    while (first < n && !*ids[first])
        first++;
    if (first == n || strlen(ids[first]) > max)
        return g_strdup("");

    gsize size = strlen(ids[first]);
    guint kept = n; /* ids from here on stay */
    while (kept > first + 1 && size + (*ids[kept - 1] ? strlen(ids[kept - 1]) + 1 : 0) <= max) {
        kept--;
        size += *ids[kept] ? strlen(ids[kept]) + 1 : 0;
    }
    GString *out = g_string_new(ids[first]);
    for (guint i = kept; i < n; i++)
        if (*ids[i])
            g_string_append_printf(out, " %s", ids[i]);
    return g_string_free(out, FALSE);
}
