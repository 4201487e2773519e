#include "mail/dsn_diagnostic.h"

#include "mail/charset.h"
#include "mail/encoded_word.h"

#include <stdbool.h>
#include <string.h>

static bool
begins_with_reply(const char *words)
{
    return strchr("2345", *words) && g_ascii_isdigit(words[1]) && g_ascii_isdigit(words[2]) &&
           (words[3] == ' ' || words[3] == '-' || words[3] == '\0');
}

/* The beginning of the first word with a byte that is not ASCII, or the end. */
static const char *
first_foreign(const char *words)
{
    const char *word = words;

    for (const char *p = words; *p; p++) {
        if (*p == ' ')
            word = p + 1;
        if ((guchar) *p >= 0x80)
            return word;
    }
    return words + strlen(words);
}

void
dsn_diagnostic(const char *words, GString *out)
{
    g_autofree char *valid = charset_valid_utf8(words, -1);
    const char *rest = first_foreign(valid);

    g_string_append(out, begins_with_reply(valid) ? "smtp;" : "X-API;");
    if (rest > valid)
        g_string_append_c(out, ' ');
    for (const char *p = valid; p < rest && (*rest == '\0' || p + 1 < rest); p++)
        g_string_append_c(out, *p >= ' ' && *p <= '~' ? *p : '?');
    if (*rest == '\0')
        return;
    g_autofree char *encoded = encoded_word_encode(rest);
    g_string_append_printf(out, "\r\n (%s)", encoded);
}
