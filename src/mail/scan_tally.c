#include "mail/scan_tally.h"

#include <string.h>

bool
is_address_field(const char *name, gsize n)
{
    static const char *const names[] = { "from", "sender", "reply-to", "to", "cc", "bcc" };

    if (n > 7 && g_ascii_strncasecmp(name, "resent-", 7) == 0) {
        name += 7;
        n -= 7;
    }
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (n == strlen(names[i]) && g_ascii_strncasecmp(name, names[i], n) == 0)
            return true;
    return false;
}

Tally
tally_field(const char *value, gsize n)
{
    Tally tally = { 0 };
    guint depth = 0;
    bool quoted = false;

    for (gsize i = 0; i < n; i++) {
        if (value[i] == '\\')
            i++;
        else if (value[i] == '"')
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (value[i] == '(')
            depth++;
        else if (value[i] == ')')
            depth -= depth > 0;
        else if (value[i] == ':')
            tally.colons++;
        else if (value[i] == ';')
            tally.semicolons++;
        tally.comment_depth = MAX(tally.comment_depth, depth);
    }
    return tally;
}
