#include "relay/adapt.h"

#include "mail/filename.h"
#include "relay/lines.h"
#include "relay/zip.h"

#include <string.h>
#include <syslog.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define TEXT_NAME "message.txt"
#define HTML_NAME "message.html"
#define ZIP_NAME "attachments.zip"

static gint64
limit_or_max(gint64 limit)
{
    return limit > 0 ? limit : MAIL_MAX_BODY_CHARS;
}

static bool
subject_is_over(const Mail *mail, const ProviderLimits *limits)
{
    return (limits->subject_chars && mail->subject_chars > limits->subject_chars) ||
           (limits->subject_bytes && strlen(mail->subject) > limits->subject_bytes);
}

static bool
has_long_lines(const char *text, const ProviderLimits *limits)
{
    return limits->line_bytes && text && lines_are_long(text, limits->line_bytes);
}

/* --- limits = refuse ------------------------------------------------------------------------------- */

static bool
refuse(Outcome *refusal, const char *what, gint64 limit, const char *unit)
{
    g_autofree char *text = g_strdup_printf("%s has over %" G_GINT64_FORMAT " %s", what, limit, unit);

    outcome_set(refusal, OUTCOME_PERMANENT, 554, "5.6.3", text);
    return false;
}

/* Translation cuts and drops headers, and says so. */
static bool
headers_fit(const Mail *mail, const ProviderLimits *limits, Outcome *refusal)
{
    for (guint i = 0; i < mail->notes->len; i++) {
        const MailNote *note = mail->notes->pdata[i];
        if (g_str_equal(note->rule, "header-cut") ||
            (g_str_equal(note->rule, "header-dropped") && note->level <= LOG_NOTICE))
            return refuse(refusal, "A header", limits->header_bytes, "bytes");
    }
    return true;
}

static bool
fits_as_it_is(const Mail *mail, const ProviderLimits *limits, Outcome *refusal)
{
    gint64 text_limit = limit_or_max(limits->text_chars);
    gint64 html_limit = limit_or_max(limits->html_chars);

    if (limits->subject_chars && mail->subject_chars > limits->subject_chars)
        return refuse(refusal, "The subject", limits->subject_chars, "characters");
    if (limits->subject_bytes && strlen(mail->subject) > limits->subject_bytes)
        return refuse(refusal, "The subject", limits->subject_bytes, "bytes");
    if (mail->text_chars > text_limit)
        return refuse(refusal, "The text", text_limit, "characters");
    if (mail->html_chars > html_limit)
        return refuse(refusal, "The HTML", html_limit, "characters");
    if (limits->attachments && mail->attachments->len > limits->attachments)
        return refuse(refusal, "The mail", limits->attachments, "attachments");
    if (has_long_lines(mail->text, limits) || has_long_lines(mail->html, limits))
        return refuse(refusal, "A line", limits->line_bytes, "bytes");
    return headers_fit(mail, limits, refusal);
}

/* --- limits = adapt -------------------------------------------------------------------------------- */

/* The first bytes that fit the limits, up to a whole character; spare is kept free in both. */
static gsize
fitting(const char *text, gint64 max_chars, gsize max_bytes, gint64 spare_chars, gsize spare_bytes)
{
    const char *end = text;

    max_chars = max_chars > spare_chars ? max_chars - spare_chars : 0;
    max_bytes = max_bytes > spare_bytes ? max_bytes - spare_bytes : 0;
    for (gint64 n = 0; *end && n < max_chars && (gsize) (g_utf8_next_char(end) - text) <= max_bytes; n++)
        end = g_utf8_next_char(end);
    return (gsize) (end - text);
}

static void
cut_subject(Mail *mail, const ProviderLimits *limits)
{
    gint64 max_chars = limits->subject_chars ? limits->subject_chars : G_MAXINT64;
    gsize max_bytes = limits->subject_bytes ? limits->subject_bytes : G_MAXSIZE;
    gsize kept = fitting(mail->subject, max_chars, max_bytes, 1, strlen(ELLIPSIS));
    g_autofree char *first = g_strndup(mail->subject, kept);

    mail_note(mail, LOG_INFO, "subject-cut", "the subject keeps %ld of %" G_GINT64_FORMAT " characters",
              g_utf8_strlen(first, -1), mail->subject_chars);
    g_free(mail->subject);
    mail->subject = g_strconcat(first, ELLIPSIS, NULL);
    mail->subject_chars = g_utf8_strlen(mail->subject, -1);
}

/* Puts a part that holds a whole body before the others, at place. Takes content. */
static void
attach_whole(Mail *mail, guint place, const char *name, const char *type, struct PartContent *content)
{
    g_ptr_array_insert(mail->attachments, (gint) place, mail_part_new(name, type, content));
}

static void
cut_text(Mail *mail, gint64 limit)
{
    const char *name = mail->whole_text ? TEXT_NAME : HTML_NAME;
    g_autofree char *last = g_strdup_printf("\n\n[続きは添付の %s をご覧ください。 The whole text is attached as %s.]\n",
                                            name, name);
    gint64 spare = g_utf8_strlen(last, -1);
    gsize kept = fitting(mail->text, limit, G_MAXSIZE, spare, 0);
    g_autofree char *first = g_strndup(mail->text, kept);

    if (spare > limit)
        *g_utf8_offset_to_pointer(last, (glong) limit) = '\0';
    g_free(mail->text);
    mail->text = g_strconcat(first, last, NULL);
    mail->text_chars = g_utf8_strlen(mail->text, -1);
    mail_note(mail, LOG_INFO, "text-cut", "the text is over %" G_GINT64_FORMAT " characters: the whole is %s", limit,
              name);
    if (mail->whole_text)
        attach_whole(mail, 0, TEXT_NAME, "text/plain; charset=utf-8", g_steal_pointer(&mail->whole_text));
}

static void
leave_out_html(Mail *mail, guint place, gint64 limit)
{
    mail_note(mail, LOG_INFO, "html-attached", "the HTML is over %" G_GINT64_FORMAT " characters: it is " HTML_NAME,
              limit);
    g_clear_pointer(&mail->html, g_free);
    mail->html_chars = 0;
    if (mail->whole_html)
        attach_whole(mail, place, HTML_NAME, "text/html; charset=utf-8", g_steal_pointer(&mail->whole_html));
}

static void
note_long_lines(Mail *mail, const char *what, const ProviderLimits *limits)
{
    mail_note(mail, LOG_INFO, "long-lines", "lines of the %s are over %u bytes: they are broken", what,
              limits->line_bytes);
}

/* Line ends that were put in may take a body over its limit of characters, which was kept without them. */
static void
break_lines(Mail *mail, const ProviderLimits *limits)
{
    if (has_long_lines(mail->text, limits)) {
        g_autofree char *text = g_steal_pointer(&mail->text);
        mail->text = lines_wrap_text(text, limits->line_bytes);
        mail->text_chars = g_utf8_strlen(mail->text, -1);
        note_long_lines(mail, "text", limits);
    }
    if (has_long_lines(mail->html, limits)) {
        g_autofree char *html = g_steal_pointer(&mail->html);
        mail->html = lines_wrap_html(html, limits->line_bytes);
        mail->html_chars = g_utf8_strlen(mail->html, -1);
        note_long_lines(mail, "HTML", limits);
        if (has_long_lines(mail->html, limits))
            mail_note(mail, LOG_NOTICE, "long-lines-left", "a line of the HTML has no place for a break");
    }
}

/* The last of the places goes to a file that holds the rest. */
static bool
pack_surplus(Mail *mail, guint limit, const Spool *like, Outcome *refusal)
{
    g_autoptr(GError) error = NULL;
    guint kept = limit - 1, packed = mail->attachments->len - kept;
    MailPart *zip = zip_parts(mail->attachments, kept, ZIP_NAME, like, &error);

    if (!zip) {
        outcome_set(refusal, OUTCOME_TRANSIENT, 451, "4.3.0", error->message);
        return false;
    }
    g_ptr_array_set_size(mail->attachments, (gint) kept);
    g_ptr_array_add(mail->attachments, zip);
    mail_note(mail, LOG_INFO, "attachments-packed", "%u attachments are over %u: %u are in " ZIP_NAME, kept + packed,
              limit, packed);
    return true;
}

static bool
adapt(Mail *mail, const ProviderLimits *limits, const Spool *like, Outcome *refusal)
{
    gint64 text_limit = limit_or_max(limits->text_chars);
    gint64 html_limit = limit_or_max(limits->html_chars);
    guint before = mail->attachments->len;

    if (subject_is_over(mail, limits))
        cut_subject(mail, limits);
    if (mail->text_chars > text_limit)
        cut_text(mail, text_limit);
    if (mail->html_chars > html_limit)
        leave_out_html(mail, mail->attachments->len - before, html_limit);
    break_lines(mail, limits);
    return !limits->attachments || mail->attachments->len <= limits->attachments ||
           pack_surplus(mail, limits->attachments, like, refusal);
}

static bool
size_fits(const Mail *mail, const ProviderLimits *limits, Outcome *refusal)
{
    gint64 size = provider_mail_bytes(mail);

    if (!limits->mail_bytes || size <= limits->mail_bytes)
        return true;
    g_autofree char *text = g_strdup_printf("Message of %" G_GINT64_FORMAT " bytes once encoded is over %" G_GINT64_FORMAT,
                                            size, limits->mail_bytes);
    outcome_set(refusal, OUTCOME_PERMANENT, 552, "5.3.4", text);
    return false;
}

/* --- the API's forms, whatever `limits` says -------------------------------------------------------- */

/* So that nobody takes them for sent. */
static void
drop_headers(Mail *mail)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < mail->headers->len; i++) {
        const MailHeader *header = mail->headers->pdata[i];
        g_string_append_printf(names, "%s%s", i ? ", " : "", header->name);
    }
    if (mail->headers->len > 0)
        mail_note(mail, LOG_DEBUG, "headers-dropped", "the API takes no header fields: %s", names->str);
    g_ptr_array_set_size(mail->headers, 0);
}

static void
extend_names(Mail *mail)
{
    for (guint i = 0; i < mail->attachments->len; i++) {
        MailPart *part = mail->attachments->pdata[i];
        char *name = filename_with_extension(part->filename, part->type);
        if (!name)
            continue;
        mail_note(mail, LOG_INFO, "attachment-renamed", "the attachment %s needs an extension: it is %s",
                  part->filename, name);
        g_free(part->filename);
        part->filename = name;
    }
}

bool
adapt_mail(Mail *mail, const Provider *provider, const Spool *like, Outcome *refusal)
{
    const ProviderLimits *limits = &provider->limits;
    bool fits = provider->over_limits == OVER_LIMITS_REFUSE ? fits_as_it_is(mail, limits, refusal)
                                                            : adapt(mail, limits, like, refusal);

    if (fits && limits->extensions)
        extend_names(mail);
    if (fits && limits->no_headers)
        drop_headers(mail);
    return fits && size_fits(mail, limits, refusal);
}

/* --- addresses ------------------------------------------------------------------------------------- */

bool
adapt_address_fits(const char *address, Outcome *refusal)
{
    g_autofree char *ascii = address_to_ascii(address);

    if (*address == '\0' || (ascii && g_str_is_ascii(ascii)))
        return true;
    g_autofree char *text = g_strdup_printf("The API takes ASCII addresses only: %s", address);
    outcome_set(refusal, OUTCOME_PERMANENT, 553, "5.6.7", text);
    return false;
}

bool
adapt_sender_fits(const Mail *mail, Outcome *refusal)
{
    return adapt_address_fits(mail->from->address, refusal) && adapt_address_fits(mail->envelope_from, refusal);
}
