#include "mail/walk.h"

#include <string.h>
#include <syslog.h>

#include "mail/body.h"
#include "mail/charset.h"
#include "mail/whole.h"

/* Where a part stands decides what it is. */
typedef enum { PLACE_ROOT, PLACE_ALTERNATIVE, PLACE_MIXED, PLACE_RELATED } Place;

static bool walk_object(Walk *self, GMimeObject *object, Place place, GPtrArray *pieces);

static const char *
parameter(GMimeObject *part, const char *name)
{
    const char *value = g_mime_content_type_get_parameter(g_mime_object_get_content_type(part), name);

    return value && *value ? value : NULL;
}

static bool
has_type(GMimeObject *part, const char *type, const char *subtype)
{
    return g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype);
}

const char *
walk_charset(GMimeObject *part)
{
    if (!GMIME_IS_MULTIPART(part))
        return has_type(part, "text", "*") ? parameter(part, "charset") : NULL;

    GMimeMultipart *multipart = GMIME_MULTIPART(part);
    for (int i = 0; i < g_mime_multipart_get_count(multipart); i++) {
        const char *charset = walk_charset(g_mime_multipart_get_part(multipart, i));
        if (charset)
            return charset;
    }
    return NULL;
}

/* What an HTML page says of itself, for want of a label. */
static char *
meta_charset(const GByteArray *bytes)
{
    g_autofree char *head = g_strndup((const char *)bytes->data, MIN(bytes->len, 1024));

    for (char *p = head; p && *p; p++)
        *p = g_ascii_tolower(*p);
    const char *found = head ? strstr(head, "charset=") : NULL;
    if (!found)
        return NULL;
    found += strlen("charset=");
    found += strspn(found, "\"' ");
    return g_strndup(found, strspn(found, "abcdefghijklmnopqrstuvwxyz0123456789-_"));
}

/* The second walk: the body goes to its spool, an empty text stands for it here. */
static char *
keep_whole(Walk *self, GMimeObject *part, PartContent *content, const char *hint)
{
    Spool *spool = has_type(part, "text", "html") ? self->whole_html : self->whole_text;

    return whole_append_part(spool, content, parameter(part, "charset"), hint, self->error) ? g_strdup("") : NULL;
}

/* Bytes that no charset explains became U+FFFD, unless the sender wrote that. */
static bool
has_lost(const char *text, const GByteArray *bytes)
{
    static const char lost[] = "\xef\xbf\xbd";

    return strstr(text, lost) && !memmem(bytes->data, bytes->len, lost, strlen(lost));
}

/* A body part as UTF-8 with LF; NULL on error. */
static char *
read_body(Walk *self, GMimeObject *part)
{
    Translation *translation = self->translation;
    g_autoptr(PartContent) content = attach_content(&self->attacher, GMIME_PART(part));
    bool cut;
    gsize room = self->whole_text ? 1024 : self->room; /* of a whole no more than its <meta> is needed */
    g_autoptr(GByteArray) array = part_content_read(content, room, &cut, self->error);

    if (!array)
        return NULL;

    const char *label = parameter(part, "charset");
    g_autofree char *meta = !label && has_type(part, "text", "html") ? meta_charset(array) : NULL;
    const char *hint = meta ? meta : translation->hint;
    if (self->whole_text)
        return keep_whole(self, part, content, hint);
    const char *bytes = array->len ? (const char *)array->data : "";
    bool guessed = false;
    char *text = charset_to_utf8(bytes, array->len, label, hint, &guessed);
    body_unify_lines(text);
    if (!cut && has_lost(text, array))
        mail_note(translation->mail, LOG_INFO, "charset-broken", "some of a text is not %s: U+FFFD stands for it",
                  label ? label : "in any charset");
    self->has_cut |= cut;
    self->room -= array->len;
    if (guessed && label)
        mail_note(translation->mail, LOG_INFO, "charset-guessed", "a text is not the %s it claims", label);
    else if (guessed)
        mail_note(translation->mail, LOG_INFO, "charset-guessed", "a text without label was read by guess");
    return text;
}

static bool
is_equal(const char *value, const char *want)
{
    return value && g_ascii_strcasecmp(value, want) == 0;
}

static bool
walk_plain(Walk *self, GMimeObject *part, GPtrArray *pieces)
{
    char *text = read_body(self, part);

    if (!text)
        return false;
    if (is_equal(parameter(part, "format"), "flowed"))
        body_unflow(text, is_equal(parameter(part, "delsp"), "yes"));
    g_ptr_array_add(pieces, body_piece_new(text, NULL));
    return true;
}

static bool
walk_html(Walk *self, GMimeObject *part, GPtrArray *pieces, Place place)
{
    char *html = read_body(self, part);

    if (!html)
        return false;
    self->has_html |= place == PLACE_ALTERNATIVE;
    g_ptr_array_add(pieces, body_piece_new(NULL, html));
    return true;
}

static bool
is_encrypted(GMimeObject *part)
{
    if (has_type(part, "multipart", "encrypted"))
        return true;
    return has_type(part, "application", "pkcs7-mime") || has_type(part, "application", "x-pkcs7-mime");
}

/* A type that isn't one ("text") counts as none, hence as text, unless it is encoded as only data is. */
static bool
is_untyped(GMimeObject *part)
{
    const char *raw = part_field(part, "Content-Type");

    if (!raw || memchr(raw, '/', strcspn(raw, ";")))
        return false;
    return g_mime_part_get_content_encoding(GMIME_PART(part)) != GMIME_CONTENT_ENCODING_BASE64;
}

static bool
walk_leaf(Walk *self, GMimeObject *part, Place place, GPtrArray *pieces)
{
    bool detached = attach_is_detached(part);
    bool may_be_body = !detached && place != PLACE_RELATED;

    if (may_be_body && place == PLACE_MIXED && attach_is_named(part))
        may_be_body = false;
    if (may_be_body && has_type(part, "text", "html") && !(place == PLACE_ALTERNATIVE && self->has_html))
        return walk_html(self, part, pieces, place);
    if (may_be_body && (has_type(part, "text", "plain") || is_untyped(part)))
        return walk_plain(self, part, pieces);
    /* a mail that is one text of some other kind: better read raw than not at all */
    bool is_all = place == PLACE_ROOT && has_type(part, "text", "*") && !has_type(part, "text", "calendar");
    if (may_be_body && is_all)
        return walk_plain(self, part, pieces);
    return self->whole_text || attach_part(&self->attacher, GMIME_PART(part), self->error);
}

static bool
any_html(GPtrArray *pieces)
{
    for (guint i = 0; i < pieces->len; i++)
        if (((BodyPiece *)pieces->pdata[i])->html)
            return true;
    return false;
}

static GPtrArray *
new_pieces(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)body_piece_free);
}

static void
move_pieces(GPtrArray *to, GPtrArray *from)
{
    while (from->len)
        g_ptr_array_add(to, g_ptr_array_steal_index(from, 0));
}

/* One piece of an alternative's text and HTML side. */
static BodyPiece *
merge_sides(GPtrArray *plain, GPtrArray *html)
{
    bool made;

    return body_piece_new(plain->len ? body_join_text(plain, 0, &made) : NULL, body_join_html(html));
}

/* The first child without HTML is the text side, the first with HTML the other; what is neither follows. */
static bool
walk_alternative(Walk *self, GMimeMultipart *multipart, GPtrArray *pieces)
{
    g_autoptr(GPtrArray) plain = new_pieces();
    g_autoptr(GPtrArray) html = new_pieces();
    g_autoptr(GPtrArray) rest = new_pieces();
    bool outer_has_html = self->has_html;

    self->has_html = false;

    for (int i = 0; i < g_mime_multipart_get_count(multipart); i++) {
        g_autoptr(GPtrArray) child = new_pieces();

        if (!walk_object(self, g_mime_multipart_get_part(multipart, i), PLACE_ALTERNATIVE, child))
            return false;
        if (any_html(child) && html->len == 0)
            move_pieces(html, child);
        else if (plain->len == 0)
            move_pieces(plain, child);
        else
            move_pieces(rest, child);
    }
    self->has_html = outer_has_html;
    if (html->len)
        g_ptr_array_add(pieces, merge_sides(plain, html));
    else
        move_pieces(pieces, plain);
    move_pieces(pieces, rest);
    return true;
}

/* The part that the start parameter names, else the first. */
static int
related_root(GMimeMultipart *multipart)
{
    const char *start = parameter(GMIME_OBJECT(multipart), "start");

    for (int i = 0; start && i < g_mime_multipart_get_count(multipart); i++) {
        g_autofree char *id = attach_content_id(g_mime_multipart_get_part(multipart, i));
        gsize skip = start[0] == '<';

        if (id && strncmp(start + skip, id, strlen(id)) == 0 && strchr(">", start[skip + strlen(id)]))
            return i;
    }
    return 0;
}

static bool
walk_related(Walk *self, GMimeMultipart *multipart, Place place, GPtrArray *pieces)
{
    int root = related_root(multipart);

    if (!walk_object(self, g_mime_multipart_get_part(multipart, root), place, pieces))
        return false;
    for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
        if (i != root && !walk_object(self, g_mime_multipart_get_part(multipart, i), PLACE_RELATED, pieces))
            return false;
    return true;
}

/* The text of a multipart that has no parts is all there is of it. */
static bool
walk_empty(Walk *self, GMimeMultipart *multipart, GPtrArray *pieces)
{
    const char *prologue = g_mime_multipart_get_prologue(multipart);

    if (prologue && *prologue) {
        char *text = charset_to_utf8(prologue, strlen(prologue), NULL, self->translation->hint, NULL);
        body_unify_lines(text);
        g_ptr_array_add(pieces, body_piece_new(text, NULL));
    }
    mail_note(self->translation->mail, LOG_INFO, "broken-mime", "a multipart without parts");
    return true;
}

static bool
walk_multipart(Walk *self, GMimeObject *object, Place place, GPtrArray *pieces)
{
    GMimeMultipart *multipart = GMIME_MULTIPART(object);
    int count = g_mime_multipart_get_count(multipart);

    if (count == 0)
        return walk_empty(self, multipart, pieces);
    if (has_type(object, "multipart", "alternative"))
        return walk_alternative(self, multipart, pieces);
    if (has_type(object, "multipart", "related"))
        return walk_related(self, multipart, place, pieces);

    bool is_signed = has_type(object, "multipart", "signed");
    if (is_signed)
        mail_note(self->translation->mail, LOG_INFO, "signed", "the signature of the mail is an attachment");
    for (int i = 0; i < count; i++) {
        Place child = is_signed && i == 0 ? place : place == PLACE_RELATED ? PLACE_RELATED : PLACE_MIXED;
        if (!walk_object(self, g_mime_multipart_get_part(multipart, i), child, pieces))
            return false;
    }
    return true;
}

static bool
walk_object(Walk *self, GMimeObject *object, Place place, GPtrArray *pieces)
{
    bool is_file = place == PLACE_MIXED && attach_is_detached(object);

    if (is_encrypted(object) && !is_file) {
        g_set_error(self->error, MAIL_ERROR, MAIL_ERROR_ENCRYPTED, "Encrypted mail cannot be carried");
        return false;
    }
    if (GMIME_IS_MULTIPART(object))
        return walk_multipart(self, object, place, pieces);
    return walk_leaf(self, object, place, pieces);
}

bool
walk_message(Walk *self, GPtrArray *pieces)
{
    return walk_object(self, message_root(self->translation->message), PLACE_ROOT, pieces);
}
