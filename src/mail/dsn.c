#include "mail/dsn.h"

#include "mail/charset.h"
#include "mail/dsn_diagnostic.h"
#include "mail/dsn_text.h"
#include "mail/encoded_word.h"

#include <string.h>

/* --- values that came from outside --------------------------------------------------------------------- */

/* RFC 5322; g_date_time_format() would speak the language of the place. */
static void
put_date(GString *out, const char *name, gint64 ms)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(ms / 1000);
    if (!time)
        return; /* no such year */
    int offset = (int) (g_date_time_get_utc_offset(time) / G_TIME_SPAN_MINUTE);

    g_string_append_printf(out, "%s: %s, %02d %s %04d %02d:%02d:%02d %c%02d%02d\r\n", name,
                           days[g_date_time_get_day_of_week(time) - 1], g_date_time_get_day_of_month(time),
                           months[g_date_time_get_month(time) - 1], g_date_time_get_year(time),
                           g_date_time_get_hour(time), g_date_time_get_minute(time), g_date_time_get_second(time),
                           offset < 0 ? '-' : '+', ABS(offset) / 60, ABS(offset) % 60);
}

/* Printable ASCII; what is not, becomes '?'. */
static void
put_ascii(GString *out, const char *text)
{
    for (; *text; text++)
        g_string_append_c(out, *text >= ' ' && *text <= '~' ? *text : '?');
}

/* RFC 6533's form for fields of ASCII: what is not printable, and those of special that occur, as \x{HEX}. */
static void
put_utf8_address(GString *out, const char *address, const char *special)
{
    g_autofree char *valid = charset_valid_utf8(address, -1);

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c > ' ' && c < 0x7f && !strchr(special, (int) c))
            g_string_append_c(out, (char) c);
        else
            g_string_append_printf(out, "\\x{%X}", c);
    }
}

static void
put_final_recipient(GString *out, const char *address)
{
    if (g_str_is_ascii(address)) {
        g_string_append(out, "Final-Recipient: rfc822; ");
        put_ascii(out, address);
    } else {
        g_string_append(out, "Final-Recipient: utf-8; ");
        put_utf8_address(out, address, "\\+=");
    }
    g_string_append(out, "\r\n");
}

/* orcpt is "type;address". The sender may have written \x{HEX} himself, so that a backslash stays one. */
static void
put_original_recipient(GString *out, const char *orcpt)
{
    const char *semicolon = strchr(orcpt, ';');

    if (!semicolon)
        return;
    g_string_append(out, "Original-Recipient: ");
    if (g_str_is_ascii(orcpt)) {
        g_autofree char *type = g_strndup(orcpt, semicolon - orcpt);
        put_ascii(out, type);
        g_string_append(out, "; ");
        put_ascii(out, semicolon + 1);
    } else {
        g_string_append(out, "utf-8; ");
        put_utf8_address(out, semicolon + 1, "");
    }
    g_string_append(out, "\r\n");
}

/* The first "<id>" of a field, or NULL if there is none that can be repeated. */
static char *
id_in(const char *value)
{
    const char *open = value ? strchr(value, '<') : NULL;
    gsize n = open ? 1 : 0;

    while (n && open[n] > ' ' && open[n] < 0x7f && open[n] != '>' && open[n] != '<')
        n++;
    return n > 1 && n < DSN_LINE_BYTES - 20 && open[n] == '>' ? g_strndup(open, n + 1) : NULL;
}

/* --- the notification's own header --------------------------------------------------------------------- */

static void
put_from(GString *out, const char *address)
{
    g_string_append(out, "From: Mail Delivery System <");
    put_ascii(out, address);
    g_string_append(out, ">\r\n");
}

/* An address of UTF-8 stands as it is: the mail is one of SMTPUTF8 then. */
static void
put_to(GString *out, const char *to)
{
    g_autofree char *valid = charset_valid_utf8(to, -1);

    g_string_append(out, "To: <");
    for (const char *p = valid; *p; p++)
        g_string_append_c(out, (guchar) *p < ' ' || *p == 0x7f ? '?' : *p);
    g_string_append(out, ">\r\n");
}

static void
put_header(const Dsn *self, bool eight_bit, GString *out)
{
    g_autofree char *subject = dsn_subject(self);
    g_autofree char *encoded = encoded_word_encode(subject);
    g_autofree char *id = id_in(fields_get(self->original, "Message-ID", 0));

    put_from(out, self->from);
    put_to(out, self->to);
    g_string_append_printf(out, "Subject: %s\r\n", encoded);
    put_date(out, "Date", self->now_ms);
    g_string_append_printf(out, "Message-ID: %s\r\n", self->message_id);
    if (id)
        g_string_append_printf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", id, id);
    g_string_append_printf(out,
                           "Auto-Submitted: auto-replied\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                           " boundary=\"%s\"\r\n"
                           "Content-Transfer-Encoding: %s\r\n"
                           "\r\n",
                           self->boundary, eight_bit ? "8bit" : "7bit");
}

/* --- the parts ------------------------------------------------------------------------------------------- */

/* parameter begins with "; " or is empty. */
static void
put_part(const Dsn *self, const char *type, const char *parameter, const char *name, bool eight_bit, GString *out)
{
    g_string_append_printf(out, "\r\n--%s\r\nContent-Type: %s%s\r\n", self->boundary, type, parameter);
    if (name)
        g_string_append_printf(out, "Content-Disposition: attachment; filename=\"%s\"\r\n", name);
    g_string_append_printf(out, "Content-Transfer-Encoding: %s\r\n\r\n", eight_bit ? "8bit" : "7bit");
}

/* The class (2, 4, 5) must be one of the action's: nothing that failed has a status of success. */
static const char *
status_of(DsnAction action, const Outcome *outcome)
{
    static const char *const classes[] = { [DSN_FAILED] = "45", [DSN_DELAYED] = "4", [DSN_RELAYED] = "2" };
    static const char *const usual[] = { [DSN_FAILED] = "5.0.0", [DSN_DELAYED] = "4.0.0", [DSN_RELAYED] = "2.0.0" };
    const char *dsn = outcome->dsn;

    if (*dsn && strchr(classes[action], *dsn) && !dsn[strspn(dsn, "0123456789.")])
        return dsn;
    /* Delivery time expired. */
    return action == DSN_FAILED && outcome->verdict != OUTCOME_PERMANENT ? "4.4.7" : usual[action];
}

static void
put_diagnostic(const DsnRecipient *recipient, GString *out)
{
    const Outcome *outcome = recipient->outcome;
    const char *text = recipient->words ? recipient->words : outcome->text;

    if (!text || !*text)
        return;
    g_string_append(out, "Diagnostic-Code: ");
    if (recipient->words) {
        dsn_diagnostic(text, out);
    } else {
        g_string_append_printf(out, "smtp; %d ", outcome->code);
        put_ascii(out, outcome->dsn);
        g_string_append(out, *outcome->dsn ? " " : "");
        put_ascii(out, text);
    }
    g_string_append(out, "\r\n");
}

static void
put_status(const Dsn *self, const DsnRecipient *recipient, GString *out)
{
    static const char *const actions[] = { "failed", "delayed", "relayed" };
    const Outcome *outcome = recipient->outcome;

    g_string_append(out, "\r\n");
    if (recipient->orcpt)
        put_original_recipient(out, recipient->orcpt);
    put_final_recipient(out, recipient->address);
    g_string_append_printf(out, "Action: %s\r\nStatus: %s\r\n", actions[recipient->action],
                           status_of(recipient->action, outcome));
    put_diagnostic(recipient, out);
    if (outcome->verdict != OUTCOME_OPEN)
        put_date(out, "Last-Attempt-Date", self->now_ms);
    if (recipient->action == DSN_DELAYED)
        put_date(out, "Will-Retry-Until", self->until_ms);
}

static void
put_report(const Dsn *self, GString *out)
{
    g_string_append(out, "Reporting-MTA: dns; ");
    put_ascii(out, self->hostname);
    g_string_append(out, "\r\n");
    if (self->envid) {
        g_string_append(out, "Original-Envelope-Id: ");
        put_ascii(out, self->envid);
        g_string_append(out, "\r\n");
    }
    put_date(out, "Arrival-Date", self->arrived_ms);
    for (guint i = 0; i < self->n_recipients; i++)
        put_status(self, &self->recipients[i], out);
}

bool
dsn_is_hidden(const char *name)
{
    return g_ascii_strcasecmp(name, "Bcc") == 0 || g_ascii_strcasecmp(name, "Resent-Bcc") == 0;
}

/* A CR that ends no line would become an end, and what follows a field of its own. */
static void
put_field(const Field *field, GString *out)
{
    DsnCopy copy = { 0 };
    g_autofree char *value = g_strdup(field->value);

    for (char *p = value; *p; p++)
        if (*p == '\r' && p[1] != '\n')
            *p = ' ';
    dsn_copy(&copy, field->name, strlen(field->name), out);
    dsn_copy(&copy, ":", 1, out);
    dsn_copy(&copy, value, strlen(value), out);
    g_string_append(out, "\r\n");
}

static char *
original_header(const Dsn *self)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < fields_count(self->original); i++) {
        const Field *field = fields_at(self->original, i);
        if (!dsn_is_hidden(field->name))
            put_field(field, out);
    }
    return g_string_free(out, FALSE);
}

/* --- the whole ------------------------------------------------------------------------------------------- */

DsnAction
dsn_action(const Dsn *self)
{
    DsnAction action = DSN_RELAYED;

    for (guint i = 0; i < self->n_recipients; i++)
        action = MIN(action, self->recipients[i].action);
    return action;
}

bool
dsn_is_wanted(DsnAction action, const char *notify)
{
    static const char *const events[] = {
        [DSN_FAILED] = "FAILURE", [DSN_DELAYED] = "DELAY", [DSN_RELAYED] = "SUCCESS"
    };

    if (!notify)
        return action != DSN_RELAYED;
    g_auto(GStrv) words = g_strsplit(notify, ",", -1);
    for (char **word = words; *word; word++)
        if (g_ascii_strcasecmp(g_strstrip(*word), events[action]) == 0)
            return true;
    return false;
}

bool
dsn_is_owed(DsnAction action, const Envelope *envelope, const char *notify)
{
    bool traced = envelope->by_flags & ENVELOPE_BY_TRACE;
    bool would_hear = envelope->by_ms > 0 && !(envelope->by_flags & ENVELOPE_BY_RETURN);

    if (action == DSN_RELAYED && (traced || would_hear))
        return !notify || g_ascii_strcasecmp(notify, "NEVER") != 0;
    return dsn_is_wanted(action, notify);
}

void
dsn_begin(const Dsn *self, GString *out)
{
    g_autofree char *header = original_header(self);
    g_autofree char *text = dsn_text(self);
    bool header_8bit = !g_str_is_ascii(header), text_8bit = !g_str_is_ascii(text);
    bool returned_8bit = header_8bit || (self->whole && self->eight_bit);
    bool is_utf8 = header_8bit && g_utf8_validate(header, -1, NULL);

    put_header(self, returned_8bit || text_8bit || !g_str_is_ascii(self->to), out);
    put_part(self, "text/plain", text_8bit ? "; charset=utf-8" : "; charset=us-ascii", NULL, text_8bit, out);
    g_string_append(out, text);
    put_part(self, "message/delivery-status", "", "delivery-status.txt", false, out);
    put_report(self, out);
    if (self->whole) {
        put_part(self, "message/rfc822", "", "original-message.eml", returned_8bit, out);
        g_string_append_printf(out, "%s\r\n", header);
    } else {
        put_part(self, "text/rfc822-headers", is_utf8 ? "; charset=utf-8" : "", "original-header.txt", header_8bit,
                 out);
        g_string_append(out, header);
    }
}

void
dsn_end(const Dsn *self, GString *out)
{
    g_string_append_printf(out, "\r\n--%s--\r\n", self->boundary);
}

/* Bytes before the next one that is not copied as it is. */
static gsize
plain_length(const char *bytes, gsize n)
{
    gsize i = 0;

    while (i < n && bytes[i] != '\r' && bytes[i] != '\n' && bytes[i] != '\0')
        i++;
    return i;
}

/* No character of UTF-8 is cut in two. Decided byte by byte where a line gets long: pieces change nothing. */
static void
copy_plain(DsnCopy *self, const char *bytes, gsize n, GString *out)
{
    const gsize sure = DSN_LINE_BYTES - 4;

    while (n > 0) {
        guchar first = (guchar) *bytes;
        gsize character = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
        gsize take = self->column < sure ? MIN(n, sure - self->column) : 1;

        if (self->column >= sure && self->column + character > DSN_LINE_BYTES) {
            g_string_append(out, "\r\n ");
            self->column = 1;
        }
        g_string_append_len(out, bytes, (gssize) take);
        self->column += take;
        bytes += take;
        n -= take;
    }
}

static void
end_line(DsnCopy *self, GString *out)
{
    g_string_append(out, "\r\n");
    self->column = 0;
    self->cr = false;
}

void
dsn_copy(DsnCopy *self, const char *bytes, gsize n, GString *out)
{
    while (n > 0) {
        gsize plain = plain_length(bytes, n);
        if (self->cr && (plain > 0 || *bytes == '\r'))
            end_line(self, out);
        copy_plain(self, bytes, plain, out);
        bytes += plain;
        n -= plain;
        if (n == 0)
            return;
        if (*bytes == '\n')
            end_line(self, out);
        else if (*bytes == '\r')
            self->cr = true;
        bytes++;
        n--;
    }
}

void
dsn_copy_end(DsnCopy *self, GString *out)
{
    if (self->cr)
        end_line(self, out);
}
