#include "mail/translate.h"

#include <syslog.h>

#include "mail/body.h"
#include "mail/walk.h"

#define MAX_BODY_CHARS 524228 /* where the API names no limit: the largest any of them has */

const char *
translation_hint(Message *message)
{
    return walk_charset(message_root(message));
}

static gint64
limit_or_max(gint64 limit)
{
    return limit > 0 ? limit : MAX_BODY_CHARS;
}

/* Text and HTML of the Mail from the pieces. */
static void
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
    mail->text_chars = body_cut(mail->text, text_limit + 1);
    if (mail->html)
        mail->html_chars = body_cut(mail->html, html_limit + 1);
    if (self->has_cut && mail->html)
        mail->html_chars = html_limit + 1;
    if (self->has_cut && !mail->html)
        mail->text_chars = text_limit + 1;
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

    if (!walk_message(&walk, pieces)) {
        if (g_error_matches(failure, MAIL_ERROR, MAIL_ERROR_ENCRYPTED) && conf->encrypted == ENCRYPTED_ATTACH)
            return attach_original(&walk);
        if (failure->domain == MAIL_ERROR)
            g_propagate_error(error, g_steal_pointer(&failure));
        else
            g_set_error_literal(error, MAIL_ERROR, MAIL_ERROR_READ, failure->message);
        return false;
    }
    set_bodies(&walk, pieces);
    if (self->mail->html && conf->inline_images == INLINE_IMAGES_DATA_URI)
        return inline_images(self->mail, cids, html_limit, error);
    return true;
}
