#include "mail/translate.h"

#include <string.h>
#include <syslog.h>

#include "mail/body.h"
#include "mail/walk.h"
#include "mail/whole.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* outweighs a charset that the HTML names */

const char *
translation_hint(Message *message)
{
    return walk_charset(message_root(message));
}

static gint64
limit_or_max(gint64 limit)
{
    return limit > 0 ? limit : MAIL_MAX_BODY_CHARS;
}

/* The whole of a body that was not cut while reading; NULL on error. */
static PartContent *
whole_of(const Walk *self, const char *mark, const char *body)
{
    Spool *spool = spool_new_like(message_spool(self->translation->message));

    if (whole_append(spool, mark, strlen(mark), self->error) && whole_append(spool, body, strlen(body), self->error))
        return whole_finish(spool, self->error);
    spool_unref(spool);
    return NULL;
}

/* Most texts have not even as many bytes as they may have characters. */
static bool
is_longer(const char *text, gint64 chars)
{
    return (gint64)strlen(text) > chars && g_utf8_strlen(text, -1) > chars;
}

/* What is more than fits goes to the side; before the bodies are cut. A text made from the HTML is in that. */
static bool
set_wholes(Walk *self, bool made, gint64 text_limit, gint64 html_limit)
{
    Mail *mail = self->translation->mail;
    bool html_over = mail->html && is_longer(mail->html, html_limit);

    if (html_over)
        mail->whole_html = whole_of(self, BYTE_ORDER_MARK, mail->html);
    if (html_over && !mail->whole_html)
        return false;
    if ((html_over && made) || !is_longer(mail->text, text_limit))
        return true;
    mail->whole_text = whole_of(self, "", mail->text);
    return mail->whole_text != NULL;
}

/* The same for bodies too long to be held: a second walk takes them from their parts. */
static bool
walk_wholes(Walk *self, gint64 text_limit)
{
    Mail *mail = self->translation->mail;
    Spool *like = message_spool(self->translation->message);
    g_autoptr(GPtrArray) ignored = g_ptr_array_new_with_free_func((GDestroyNotify)body_piece_free);
    g_autoptr(Spool) text = spool_new_like(like);
    g_autoptr(Spool) html = spool_new_like(like);
    guint notes = mail->notes->len;

    self->whole_text = text;
    self->whole_html = html;
    self->has_html = false;
    spool_append(html, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK));
    if (!walk_message(self, ignored))
        return false;
    g_ptr_array_set_size(mail->notes, (gint)notes);
    if (mail->html) {
        mail->whole_html = whole_finish(spool_ref(html), self->error);
        if (!mail->whole_html)
            return false;
    }
    if (spool_length(text) <= (gint64)strlen(mail->text))
        return true;
    mail->text_chars = text_limit + 1;
    mail->whole_text = whole_finish(spool_ref(text), self->error);
    return mail->whole_text != NULL;
}

/* Text and HTML of the Mail from the pieces. */
static bool
set_bodies(Walk *self, GPtrArray *pieces)
{
    const TranslateContext *context = self->translation->context;
    Mail *mail = self->translation->mail;
    gint64 text_limit = limit_or_max(context->text_chars);
    gint64 html_limit = limit_or_max(context->html_chars);
    bool made;

    mail->html = body_join_html(pieces);
    mail->text = body_join_text(pieces, (gsize)text_limit * 4 + 4, &made);
    if (made)
        mail_note(mail, LOG_INFO, "text-made", "the text was made from the HTML");
    if (pieces->len > 1)
        mail_note(mail, LOG_INFO, "text-joined", "%u text parts became one body", pieces->len);
    if (!*mail->text) {
        g_free(mail->text);
        mail->text = g_strdup("\n");
        mail_note(mail, LOG_INFO, "no-body", "the mail has no text");
    }
    if (!self->has_cut && !set_wholes(self, made, text_limit, html_limit))
        return false;
    mail->text_chars = body_cut(mail->text, text_limit + 1);
    if (mail->html)
        mail->html_chars = body_cut(mail->html, html_limit + 1);
    if (self->has_cut && mail->html)
        mail->html_chars = html_limit + 1;
    if (self->has_cut && !mail->html)
        mail->text_chars = text_limit + 1;
    return !self->has_cut || walk_wholes(self, text_limit);
}

/* `encrypted = attach`: one line, and the whole original. */
static bool
attach_original(Walk *self)
{
    Translation *translation = self->translation;
    Mail *mail = translation->mail;

    g_clear_error(self->error);
    g_ptr_array_set_size(mail->attachments, 0);
    mail->text = g_strdup("This mail is encrypted. The original is attached as message.eml.\n");
    mail->text_chars = g_utf8_strlen(mail->text, -1);
    mail_note(mail, LOG_INFO, "encrypted", "an encrypted mail goes as message.eml");
    return attach_message(&self->attacher, "message.eml");
}

/* Those that stay attachments although the text may show them. */
static void
note_images(Mail *mail, const GPtrArray *cids)
{
    for (guint i = 0; i < mail->attachments->len; i++) {
        const MailPart *part = mail->attachments->pdata[i];
        if (cids->pdata[i] && g_str_has_prefix(part->type, "image/"))
            mail_note(mail, LOG_DEBUG, "inline-image", "%s is an attachment", part->filename);
    }
}

bool
translate_content(Translation *self, GError **error)
{
    const TranslateConf *conf = self->context->conf;
    gint64 text_limit = limit_or_max(self->context->text_chars);
    gint64 html_limit = limit_or_max(self->context->html_chars);
    g_autoptr(GPtrArray) pieces = g_ptr_array_new_with_free_func((GDestroyNotify)body_piece_free);
    g_autoptr(GPtrArray) cids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) failure = NULL;
    Walk walk = {
        .translation = self,
        .attacher = { .translation = self, .cids = cids },
        .room = 4 * (gsize)(text_limit + html_limit + 2),
        .error = &failure,
    };

    if (!walk_message(&walk, pieces) || !set_bodies(&walk, pieces)) {
        if (g_error_matches(failure, MAIL_ERROR, MAIL_ERROR_ENCRYPTED) && conf->encrypted == ENCRYPTED_ATTACH)
            return attach_original(&walk);
        if (failure->domain == MAIL_ERROR)
            g_propagate_error(error, g_steal_pointer(&failure));
        else
            g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_READ, failure->message);
        return false;
    }
    if (self->mail->html && conf->inline_images == INLINE_IMAGES_DATA_URI &&
        !inline_images(self->mail, cids, html_limit, error))
        return false;
    note_images(self->mail, cids);
    return true;
}
