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
    translate_charset(&self);
    return g_steal_pointer(&mail);
}

Mail *
mail_from_header(Message *message, const TranslateContext *context, GError **error)
{
    static const TranslateConf none = { 0 };
    g_autoptr(Mail) mail = mail_new();
    TranslateContext own = *context;
    Translation self = {
        .mail = mail,
        .message = message,
        .context = &own,
        .fields = message_fields(message),
        .hint = translation_hint(message),
    };

    own.conf = &none;
    translate_sender(&self, NULL);
    return translate_fields(&self, error) ? g_steal_pointer(&mail) : NULL;
}
