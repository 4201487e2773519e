#include "mail/translate.h"

Mail *
mail_from_message(Message *message, const TranslateContext *context, GError **error)
{
    g_autoptr(Mail) mail = mail_new();
    Translation self = {
        .mail = mail,
        .message = message,
        .context = context,
        .fields = message_fields(message),
        .hint = translation_hint(message),
    };

    mail->size = spool_length(message_spool(message));
    if (!translate_sender(&self, error) || !translate_fields(&self, error) ||
        !translate_content(&self, error))
        return NULL;
    return g_steal_pointer(&mail);
}
