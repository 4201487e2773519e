#include "mail/fields.h"

#include <string.h>

#define MAX_NAME 255

gsize
field_name_length(const char *line, gsize n)
{
    gsize name = 0;

    while (name < n && name <= MAX_NAME && line[name] > ' ' && line[name] < 0x7f && line[name] != ':')
        name++;
    if (name == 0 || name > MAX_NAME)
        return 0;
    gsize colon = name;
    while (colon < n && (line[colon] == ' ' || line[colon] == '\t'))
        colon++;
    return colon < n && line[colon] == ':' ? name : 0;
}

bool
field_is_known(const char *name, gsize n)
{
    static const char *const beginnings[] = {
        "x-", "content-", "list-", "resent-", "mime-", "arc-", "dkim-", "received",
    };
    static const char *const names[] = {
        "from", "to", "cc", "bcc", "subject", "date", "sender", "reply-to", "message-id",
        "in-reply-to", "references", "return-path", "delivered-to", "auto-submitted", "precedence",
        "importance", "priority", "comments", "keywords", "organization", "errors-to", "user-agent",
        "disposition-notification-to", "return-receipt-to", "sensitivity", "thread-topic",
        "thread-index", "authentication-results", "feedback-id", "full-name", "apparently-to",
    };

    for (guint i = 0; i < G_N_ELEMENTS(beginnings); i++)
        if (g_ascii_strncasecmp(name, beginnings[i], MIN(n, strlen(beginnings[i]))) == 0 &&
            n >= strlen(beginnings[i]))
            return true;
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (n == strlen(names[i]) && g_ascii_strncasecmp(name, names[i], n) == 0)
            return true;
    return false;
}

static void
field_clear(gpointer data)
{
    Field *field = data;

    g_free(field->name);
    g_free(field->value);
}

/* The bytes as a string: without NULs, and without the line end. */
static char *
value_new(const char *from, const char *end)
{
    char *value = g_malloc(end - from + 1), *to = value;

    for (; from < end; from++)
        if (*from)
            *to++ = *from;
    if (to > value && to[-1] == '\n')
        to--;
    if (to > value && to[-1] == '\r')
        to--;
    *to = '\0';
    return value;
}

Fields *
fields_parse(const char *header, gsize n)
{
    Fields *self = g_new0(Fields, 1);
    const char *end = header + n;

    self->array = g_array_new(FALSE, FALSE, sizeof(Field));
    g_array_set_clear_func(self->array, field_clear);
    while (header < end) {
        const char *colon = header;
        gsize name = field_name_length(header, end - header);
        if (name == 0)
            break;
        while (*colon != ':')
            colon++;

        /* The field goes on over lines that begin with a blank. */
        const char *next = header;
        do {
            const char *eol = memchr(next, '\n', end - next);
            next = eol ? eol + 1 : end;
        } while (next < end && (*next == ' ' || *next == '\t'));
        Field field = { g_strndup(header, name), value_new(colon + 1, next) };
        g_array_append_val(self->array, field);
        header = next;
    }
    return self;
}

void
fields_free(Fields *self)
{
    if (!self)
        return;
    g_array_unref(self->array);
    g_free(self);
}

guint
fields_count(const Fields *self)
{
    return self->array->len;
}

const Field *
fields_at(const Fields *self, guint i)
{
    return &g_array_index(self->array, Field, i);
}

const char *
fields_get(const Fields *self, const char *name, guint n)
{
    for (guint i = 0; i < self->array->len; i++) {
        const Field *field = fields_at(self, i);
        if (g_ascii_strcasecmp(field->name, name) == 0 && n-- == 0)
            return field->value;
    }
    return NULL;
}
