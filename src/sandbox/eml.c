#include "sandbox/eml.h"

#include <string.h>

#include "sandbox/eml_attachment.h"
#include "sandbox/mime_header.h"

enum { PLAIN_LINE_BYTES = 990 };

GString *
eml_text(const Letter *letter, const Mailbox *recipient, const char *text)
{
    if (recipient->properties)
        return marker_expand(letter->markers, text, recipient->properties);
    return g_string_new(text);
}

guint64
eml_text_bytes(const Letter *letter, const Mailbox *recipient)
{
    const char *const texts[] = { letter->subject, letter->text, letter->html ? letter->html : "" };
    guint64 size = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        size += recipient->properties ? marker_length(letter->markers, texts[i], recipient->properties)
                                      : strlen(texts[i]);
    return size;
}

/* True if the text needs no transfer encoding: ASCII, CRLF alone, no long line. */
static bool
is_plain_text(const char *text, size_t n)
{
    size_t line = 0;

    for (size_t i = 0; i < n; i++) {
        if (text[i] & 0x80 || text[i] == '\0' || ++line > PLAIN_LINE_BYTES)
            return false;
        if (text[i] == '\r' && (i + 1 == n || text[i + 1] != '\n'))
            return false;
        if (text[i] == '\n')
            line = 0;
    }
    return true;
}

static GString *
with_crlf(const GString *text)
{
    GString *out = g_string_sized_new(text->len + 64);

    for (size_t i = 0; i < text->len; i++) {
        if (text->str[i] == '\n' && (i == 0 || text->str[i - 1] != '\r'))
            g_string_append_c(out, '\r');
        g_string_append_c(out, text->str[i]);
    }
    return out;
}

/* A text part, its header and the empty line included. */
static void
write_text(FILE *out, const Eml *self, const char *subtype, const char *text)
{
    bool iso = self->letter->iso_2022_jp;
    g_autoptr(GString) mine = eml_text(self->letter, self->recipient, text);
    g_autoptr(GString) lines = with_crlf(mine);

    if (iso) {
        gsize length;
        char *bytes = mime_iso_2022_jp(lines->str, lines->len, &length);
        g_string_truncate(lines, 0);
        g_string_append_len(lines, bytes, (gssize) length);
        g_free(bytes);
    }
    bool plain = is_plain_text(lines->str, lines->len);
    fprintf(out, "Content-Type: text/%s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n", subtype,
            iso ? "ISO-2022-JP" : "UTF-8", plain ? "7bit" : "base64");
    if (plain)
        fwrite(lines->str, 1, lines->len, out);
    else
        eml_base64_write(out, (const guchar *) lines->str, lines->len);
}

/* The bodies: text alone, or text and HTML as alternatives. */
static void
write_bodies(FILE *out, const Eml *self)
{
    const Letter *letter = self->letter;

    if (!letter->html) {
        write_text(out, self, "plain", letter->text);
        return;
    }
    g_autofree char *boundary = g_uuid_string_random();
    fprintf(out, "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", boundary,
            boundary);
    write_text(out, self, "plain", letter->text);
    fprintf(out, "\r\n--=_%s\r\n", boundary);
    write_text(out, self, "html", letter->html);
    fprintf(out, "\r\n--=_%s--\r\n", boundary);
}

static void
append_date(GString *out, gint64 date_s)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(date_s);
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

    g_string_append_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
                           days[g_date_time_get_day_of_week(date) - 1], g_date_time_get_day_of_month(date),
                           months[g_date_time_get_month(date) - 1], g_date_time_get_year(date),
                           g_date_time_get_hour(date), g_date_time_get_minute(date),
                           g_date_time_get_second(date));
}

static GString *
message_head(const Eml *self)
{
    const Letter *letter = self->letter;
    bool iso = letter->iso_2022_jp;
    GString *head = g_string_new(NULL);
    g_autoptr(GString) subject = eml_text(letter, self->recipient, letter->subject);

    g_string_append_printf(head, "X-Sandbox-Recipient: %s\r\nX-Sandbox-Place: %s\r\n"
                           "X-Sandbox-Envelope-From: %s\r\n", self->recipient->address, self->place,
                           letter->envelope_from);
    append_date(head, self->date_s);
    mime_header_mailbox(head, "From", letter->from, iso);
    if (letter->replyto)
        mime_header_mailbox(head, "Reply-To", letter->replyto, iso);
    if (letter->separate)
        mime_header_mailbox(head, "To", self->recipient, iso);
    else
        mime_header_mailboxes(head, "To", letter->to, iso);
    mime_header_mailboxes(head, "Cc", letter->cc, iso);
    mime_header_text(head, "Subject", subject->str, iso);
    g_string_append_printf(head, "Message-ID: %s\r\n", self->message_id);
    if (self->recipient->unsubscribe_url)
        g_string_append_printf(head, "List-Unsubscribe: <%s>\r\n", self->recipient->unsubscribe_url);
    for (guint i = 0; i < letter->headers->len; i++) {
        const LetterHeader *header = letter->headers->pdata[i];
        g_autoptr(GString) value = eml_text(letter, self->recipient, header->value);
        mime_header_text(head, header->name, value->str, iso);
    }
    g_string_append(head, "MIME-Version: 1.0\r\n");
    return head;
}

static bool
has_8bit(const Letter *letter)
{
    for (guint i = 0; i < letter->attachments->len; i++)
        if (eml_attachment_may_be_8bit(letter->attachments->pdata[i]))
            return true;
    return false;
}

bool
eml_write(FILE *out, const Eml *self)
{
    const Letter *letter = self->letter;
    g_autoptr(GString) head = message_head(self);

    fwrite(head->str, 1, head->len, out);
    if (letter->attachments->len == 0) {
        write_bodies(out, self);
        return true;
    }
    g_autofree char *boundary = g_uuid_string_random();
    fprintf(out, "Content-Type: multipart/mixed; boundary=\"=_%s\"\r\n%s\r\n--=_%s\r\n", boundary,
            has_8bit(letter) ? "Content-Transfer-Encoding: 8bit\r\n" : "", boundary);
    write_bodies(out, self);
    for (guint i = 0; i < letter->attachments->len; i++) {
        fprintf(out, "\r\n--=_%s\r\n", boundary);
        if (!eml_attachment_write(out, letter->attachments->pdata[i]))
            return false;
    }
    fprintf(out, "\r\n--=_%s--\r\n", boundary);
    return true;
}
