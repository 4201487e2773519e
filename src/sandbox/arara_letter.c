#include "sandbox/arara_letter.h"

#include <string.h>

#include "sandbox/arara_time.h"
#include "sandbox/eml.h"
#include "sandbox/json_shape.h"

/* What the sandbox itself can bear: markers may make a short text long. */
enum { EXPANDED_BYTES = 64 * 1024 * 1024 };

/* What fits a line of a header. */
enum { URL_BYTES = 900 };

#define ANY 0, G_MAXINT32

static const ShapeMember delivery_shape[] = {
    { "mailing-list", SHAPE_ARRAY, true }, { "contents", SHAPE_OBJECT, true },
    { "settings", SHAPE_OBJECT, true }, { NULL },
};
static const ShapeMember recipient_shape[] = {
    { "to", SHAPE_OBJECT, true }, { "substitutions", SHAPE_OBJECT, false },
    { "unsubscribe_url", SHAPE_STRING, false }, { NULL },
};
static const ShapeMember to_shape[] = {
    { "address", SHAPE_STRING, true }, { "device", SHAPE_NUMBER, false, 0, 4 }, { NULL },
};
static const ShapeMember contents_shape[] = {
    { "subject", SHAPE_STRING, true }, { "body", SHAPE_OBJECT, true }, { "encode", SHAPE_NUMBER, false, 0, 0 },
    { "attachments-list", SHAPE_ARRAY, false }, { "cc", SHAPE_STRING, false }, { "bcc", SHAPE_STRING, false },
    { NULL },
};
static const ShapeMember body_shape[] = {
    { "text", SHAPE_STRING, false }, { "html", SHAPE_STRING, false }, { NULL },
};
static const ShapeMember attachment_shape[] = {
    { "filename", SHAPE_STRING, true }, { "mimetype", SHAPE_STRING, true }, { "data", SHAPE_STRING, true },
    { NULL },
};
static const ShapeMember settings_shape[] = {
    { "send_time", SHAPE_STRING, true }, { "request_id", SHAPE_STRING, true }, { "from", SHAPE_OBJECT, true },
    { "reply_to", SHAPE_OBJECT, false }, { "tc_option", SHAPE_OBJECT, false },
    { "throttle", SHAPE_NUMBER, false, 1, G_MAXINT32 }, { "error_count", SHAPE_NUMBER, false, ANY },
    { "ignore_attachments_size", SHAPE_BOOLEAN, false }, { NULL },
};
static const ShapeMember from_shape[] = {
    { "name", SHAPE_STRING, false }, { "address", SHAPE_STRING, true }, { NULL },
};
static const ShapeMember reply_to_shape[] = {
    { "address", SHAPE_STRING, true }, { NULL },
};
static const ShapeMember tc_option_shape[] = {
    { "stop_send", SHAPE_OBJECT, false }, { "lifetime", SHAPE_NUMBER, false, 3600, 86400 },
    { "retry_interval", SHAPE_NUMBER, false, 1, G_MAXINT32 }, { NULL },
};
static const ShapeMember stop_send_shape[] = {
    { "timemin", SHAPE_STRING, true }, { "timemax", SHAPE_STRING, true }, { NULL },
};

/* Unknown ones vanish, or stay. */
static const MarkerStyle markers[] = { { "##", "##", false }, { "##", "##", true } };

/* The text part that an HTML one alone gets. */
static const char fixed_text[] = "This is an HTML mail.\n";

/* Why nothing can be made of it; always false. */
static bool
wrong(GString *why, const char *text)
{
    g_string_assign(why, text);
    return false;
}

static bool
has_control(const char *text)
{
    for (const guchar *p = (const guchar *) text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

static bool
has_alnum(const char *p, const char *end)
{
    for (; p < end; p++)
        if (g_ascii_isalnum(*p))
            return true;
    return false;
}

/* A bare address: ASCII without blanks and the marks that lists, names and comments need. */
static bool
is_address(const char *text)
{
    const char *at = strchr(text, '@');
    size_t n = strlen(text);

    if (!at || strchr(at + 1, '@') || n > ARARA_ADDRESS_BYTES)
        return false;
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("\"(),:;<>[\\]", *p))
            return false;
    return has_alnum(text, at) && has_alnum(at + 1, text + n);
}

static bool
add_address(GPtrArray *list, const char *name, const char *address, const char *path, GString *why)
{
    if (!is_address(address)) {
        g_string_printf(why, "%s is not a mail address", path);
        return false;
    }
    g_ptr_array_add(list, mailbox_new(name, address));
    return true;
}

static GHashTable *
read_substitutions(const cJSON *object)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const cJSON *value;

    cJSON_ArrayForEach(value, object)
        if (!cJSON_IsString(value)
            || !g_hash_table_insert(table, g_strdup(value->string), g_strdup(value->valuestring))) {
            g_hash_table_unref(table);
            return NULL;
        }
    return table;
}

static bool
is_https_url(const char *text)
{
    const char *host = text + strlen("https://");

    if (!g_str_has_prefix(text, "https://") || !g_ascii_isalnum(*host) || strlen(text) > URL_BYTES)
        return false;
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("<>\"", *p))
            return false;
    return true;
}

static bool
read_recipient(Letter *letter, const cJSON *item, GString *why)
{
    if (!shape_check(item, recipient_shape, "mailing-list[]", why)
        || !shape_check(shape_get(item, "to"), to_shape, "mailing-list[].to", why)
        || !add_address(letter->to, "", shape_string(shape_get(item, "to"), "address"),
                        "mailing-list[].to.address", why))
        return false;
    Mailbox *mailbox = letter->to->pdata[letter->to->len - 1];
    mailbox->properties = read_substitutions(shape_get(item, "substitutions"));
    if (!mailbox->properties)
        return wrong(why, "mailing-list[].substitutions needs strings, each key once");
    const char *url = shape_string(item, "unsubscribe_url");
    if (url && !is_https_url(url))
        return wrong(why, "mailing-list[].unsubscribe_url is not an https URL");
    mailbox->unsubscribe_url = g_strdup(url);
    return true;
}

/* cc or bcc, whose copies are those of the only element of the mailing-list. */
static bool
read_copies(Letter *letter, const cJSON *contents, const char *name, GPtrArray *list, GString *why)
{
    const char *text = shape_string(contents, name);
    const Mailbox *to = letter->to->pdata[0];

    if (!text)
        return true;
    if (letter->to->len > 1)
        return wrong(why, "mailing-list can have one element only beside cc or bcc");
    g_auto(GStrv) addresses = g_strsplit(text, ",", -1);
    g_autofree char *path = g_strdup_printf("contents.%s", name);
    if (!addresses[0])
        return add_address(list, "", "", path, why);
    for (char **address = addresses; *address; address++) {
        if (!add_address(list, "", *address, path, why))
            return false;
        Mailbox *copy = list->pdata[list->len - 1];
        copy->properties = g_hash_table_ref(to->properties);
        copy->unsubscribe_url = g_strdup(to->unsubscribe_url);
    }
    return true;
}

static bool
read_recipients(Letter *letter, const cJSON *delivery, GString *why)
{
    const cJSON *contents = shape_get(delivery, "contents");
    const cJSON *item;

    cJSON_ArrayForEach(item, shape_get(delivery, "mailing-list"))
        if (!read_recipient(letter, item, why))
            return false;
    if (letter->to->len == 0)
        return wrong(why, "mailing-list is empty");
    letter->separate = letter->to->len > 1;
    return read_copies(letter, contents, "cc", letter->cc, why)
           && read_copies(letter, contents, "bcc", letter->bcc, why);
}

/* type/subtype, with parameters or not. */
static bool
is_media_type(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t n = strcspn(text, "; \t");
    size_t blanks = strspn(text + n, " \t");

    if (!slash || slash == text || (size_t) (slash - text) + 1 >= n || has_control(text))
        return false;
    if (text[n + blanks] && text[n + blanks] != ';')
        return false;
    for (size_t i = 0; i < n; i++)
        if (text + i != slash && !g_ascii_isalnum(text[i]) && !strchr("!#$&^_.+-", text[i]))
            return false;
    return true;
}

/* A name with an extension, as the documents have it. */
static bool
is_filename(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot && dot > text && dot[1] && !has_control(text);
}

static bool
read_attachments(const AraraReader *reader, Letter *letter, const cJSON *list, GString *why)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list) {
        if (!shape_check(item, attachment_shape, "attachments-list[]", why))
            return false;
        if (letter->attachments->len == reader->options->arara_attachments)
            return wrong(why, "attachments-list has too many elements");
        if (!is_filename(shape_string(item, "filename")))
            return wrong(why, "attachments-list[].filename needs a name with an extension");
        if (!is_media_type(shape_string(item, "mimetype")))
            return wrong(why, "attachments-list[].mimetype is not a type");
        Attachment *attachment = json_body_attachment(reader->body, shape_get(item, "data"));
        if (!attachment)
            return wrong(why, "attachments-list[].data is not base64");
        attachment->filename = g_strdup(shape_string(item, "filename"));
        attachment->type = g_strdup(shape_string(item, "mimetype"));
        g_ptr_array_add(letter->attachments, attachment);
    }
    return true;
}

static bool
has_long_line(const char *text, guint64 limit)
{
    if (limit == 0)
        return false;
    while (*text) {
        size_t n = strcspn(text, "\r\n");
        if (n > limit)
            return true;
        text += n + (text[n] != '\0');
    }
    return false;
}

/* What a recipient gets, markers replaced. */
static bool
check_expanded(const AraraReader *reader, const Letter *letter, const Mailbox *recipient, GString *why)
{
    const char *const bodies[] = { letter->text, letter->html };

    if (eml_text_bytes(letter, recipient) > EXPANDED_BYTES)
        return wrong(why, "contents are too large after substitution");
    g_autoptr(GString) subject = eml_text(letter, recipient, letter->subject);
    if (subject->len > ARARA_SUBJECT_BYTES)
        return wrong(why, "contents.subject is longer than 500 bytes");
    if (has_control(subject->str))
        return wrong(why, "contents.subject has a control character");
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(GString) body = bodies[i] ? eml_text(letter, recipient, bodies[i]) : g_string_new(NULL);
        if (has_long_line(body->str, reader->options->line_limit_bytes))
            return wrong(why, "contents.body has a line that is too long");
    }
    return true;
}

static bool
has_marker(const char *text)
{
    return text && strstr(text, "##");
}

/* After the recipients. */
static bool
read_texts(const AraraReader *reader, Letter *letter, const cJSON *contents, GString *why)
{
    const cJSON *body = shape_get(contents, "body");
    const char *text = shape_string(body, "text");
    const char *html = shape_string(body, "html");

    letter->markers = &markers[reader->options->keep_unknown_markers];
    letter->subject = shape_string(contents, "subject");
    letter->html = html && *html ? html : NULL;
    letter->text = text && *text ? text : fixed_text;
    if (!*letter->subject)
        return wrong(why, "contents.subject is required");
    if (strlen(letter->subject) > ARARA_SUBJECT_BYTES)
        return wrong(why, "contents.subject is longer than 500 bytes");
    if (!letter->html && letter->text == fixed_text)
        return wrong(why, "contents.body needs text or html");
    bool same = !has_marker(letter->subject) && !has_marker(text) && !has_marker(html);
    for (guint i = 0; i < (same ? 1 : letter->to->len); i++)
        if (!check_expanded(reader, letter, letter->to->pdata[i], why))
            return false;
    return true;
}

static bool
read_contents(const AraraReader *reader, Letter *letter, const cJSON *delivery, GString *why)
{
    const cJSON *contents = shape_get(delivery, "contents");

    return shape_check(contents, contents_shape, "contents", why)
           && shape_check(shape_get(contents, "body"), body_shape, "contents.body", why)
           && read_recipients(letter, delivery, why) && read_texts(reader, letter, contents, why)
           && read_attachments(reader, letter, shape_get(contents, "attachments-list"), why);
}

bool
arara_is_request_id(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");

    return n > 0 && n <= ARARA_REQUEST_ID_CHARS && text[n] == '\0';
}

static bool
read_send_time(const AraraReader *reader, const char *text, gint64 *send_us, GString *why)
{
    gint64 ahead = ARARA_AHEAD_DAYS * G_TIME_SPAN_DAY;

    *send_us = reader->now_us;
    if (strcmp(text, "now") == 0)
        return true;
    if (!arara_time_read(text, send_us))
        return wrong(why, "settings.send_time is no time");
    if (*send_us < reader->now_us)
        return wrong(why, "settings.send_time is past");
    if (*send_us - reader->now_us >= ahead)
        return wrong(why, "settings.send_time is 32 days or more ahead");
    return true;
}

static bool
check_tc_option(const cJSON *option, GString *why)
{
    const cJSON *stop = shape_get(option, "stop_send");

    if (!option)
        return true;
    if (!shape_check(option, tc_option_shape, "settings.tc_option", why))
        return false;
    if (!stop)
        return true;
    if (!shape_check(stop, stop_send_shape, "settings.tc_option.stop_send", why))
        return false;
    if (!arara_is_time_of_day(shape_string(stop, "timemin"))
        || !arara_is_time_of_day(shape_string(stop, "timemax")))
        return wrong(why, "settings.tc_option.stop_send needs hh:mm+09:00");
    return true;
}

/* A From or Reply-To; one that is missing is right here. */
static bool
read_party(const cJSON *object, const ShapeMember *shape, const char *path, Mailbox **mailbox, GString *why)
{
    const char *name = shape_string(object, "name");
    const char *address = shape_string(object, "address");

    if (!object)
        return true;
    if (!shape_check(object, shape, path, why))
        return false;
    if (!is_address(address) || (name && has_control(name))) {
        g_string_printf(why, "%s is not an address", path);
        return false;
    }
    *mailbox = mailbox_new(name ? name : "", address);
    return true;
}

static bool
read_settings(const AraraReader *reader, Letter *letter, const cJSON *settings, gint64 *send_us, GString *why)
{
    if (!shape_check(settings, settings_shape, "settings", why))
        return false;
    const cJSON *error_count = shape_get(settings, "error_count");
    letter->error_count = error_count ? (guint) error_count->valueint : 0;
    if (!arara_is_request_id(shape_string(settings, "request_id")))
        return wrong(why, "settings.request_id needs 1 to 64 of a-z and 0-9");
    return read_send_time(reader, shape_string(settings, "send_time"), send_us, why)
           && read_party(shape_get(settings, "from"), from_shape, "settings.from", &letter->from, why)
           && read_party(shape_get(settings, "reply_to"), reply_to_shape, "settings.reply_to",
                         &letter->replyto, why)
           && check_tc_option(shape_get(settings, "tc_option"), why);
}

Letter *
arara_letter_read(const AraraReader *reader, const cJSON *delivery, gint64 *send_us, GString *why)
{
    g_autoptr(Letter) letter = letter_new();

    letter->envelope_from = "bounce@arara.sandbox.invalid";
    if (!shape_check(delivery, delivery_shape, "delivery[]", why)
        || !read_settings(reader, letter, shape_get(delivery, "settings"), send_us, why)
        || !read_contents(reader, letter, delivery, why))
        return NULL;
    return g_steal_pointer(&letter);
}
